// A hole in linear memory that a kernel mapping fills for a while, and the socket that the mapping belongs to.
// When it ends the hole is anonymous memory again: an unmapped page would kill the process.
#pragma once
#include <napi.h>
#include <sys/mman.h>
#include <unordered_map>
#include <utility>
#include <vector>

#include "system-error.h"

/** Part of linear memory that shows what `fd` maps at `offset`. */
class HoleMapping {
 public:
  HoleMapping(int fd, uint8_t* at, size_t length, off_t offset, const char* hint) : at_(at), length_(length) {
    void* mapped = mmap(at, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, offset);
    if (mapped == MAP_FAILED) {
      const SystemError failure{errno, "mmap", hint};
      fillIn();
      throw failure;
    }
  }
  HoleMapping(HoleMapping&& other) noexcept : at_(std::exchange(other.at_, nullptr)), length_(other.length_) {}
  HoleMapping(const HoleMapping&) = delete;
  HoleMapping& operator=(const HoleMapping&) = delete;
  ~HoleMapping() {
    if (at_ != nullptr) fillIn();
  }

  /** Leaves the mapping to the end of the process or of the memory. */
  void abandon() { at_ = nullptr; }

 private:
  void fillIn() {
    mmap(at_, length_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
  }

  uint8_t* at_;
  size_t length_;
};

/** A socket with what it maps. Members end in reverse order: the socket, the holes, then the hold on the memory. */
struct MappedSocket {
  Napi::ObjectReference memory;
  std::vector<HoleMapping> holes;
  Fd fd;
};

/** The open MappedSockets of one JavaScript environment, by descriptor. */
class SocketTable {
 public:
  SocketTable() = default;
  SocketTable(const SocketTable&) = delete;
  /** At the end of the environment the memory may be gone already: descriptors close, holes stay as they are. */
  ~SocketTable() {
    for (auto& entry : open_) {
      for (HoleMapping& hole : entry.second.holes) hole.abandon();
    }
  }

  static SocketTable& of(Napi::Env env) { return *env.GetInstanceData<SocketTable>(); }

  int add(MappedSocket&& socket) {
    const int fd = socket.fd.get();
    open_.erase(fd);
    open_.emplace(fd, std::move(socket));
    return fd;
  }

  bool has(int fd) const { return open_.contains(fd); }
  bool close(int fd) { return open_.erase(fd) > 0; }

 private:
  std::unordered_map<int, MappedSocket> open_;
};
