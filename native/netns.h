// Runs a function in a network namespace, on a thread of its own that ends with it: sockets and devices
// opened there belong to that namespace for good, and no other thread ever changes its own.
#pragma once
#include <exception>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <thread>

#include "system-error.h"

/** Runs `body` on a new thread after `enter`; what either throws is thrown here. */
template <typename Enter, typename Body>
void onOwnThread(Enter enter, Body body) {
  std::exception_ptr failure;
  std::thread([&] {
    try {
      enter();
      body();
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
}

/** `netns` is empty for the caller's own namespace, a name that `ip netns` knows, or a path ("/proc/PID/ns/net"). */
template <typename Body>
void inNamespace(const std::string& netns, Body body) {
  if (netns.empty()) return body();
  const std::string path = netns.find('/') == std::string::npos ? "/var/run/netns/" + netns : netns;
  onOwnThread(
      [&] {
        const Fd target(check(open(path.c_str(), O_RDONLY | O_CLOEXEC), "open",
                              "No network namespace at " + path + ": `ip netns list` shows those that have a name."));
        check(setns(target.get(), CLONE_NEWNET), "setns", "Entering a network namespace needs CAP_SYS_ADMIN: run as root.");
      },
      body);
}

/** Runs `body` in a namespace that nobody else has and that lives as long as what was opened there. */
template <typename Body>
void inNewNamespace(Body body) {
  onOwnThread([] { check(unshare(CLONE_NEWNET), "unshare", "A network namespace of its own needs CAP_SYS_ADMIN: run as root."); },
              body);
}
