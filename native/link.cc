// Interfaces by name, in any network namespace: what they are, up and down, promiscuous, and news of them.
#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstdio>

#include "netns.h"
#include "options.h"
#include "registers.h"

namespace {

std::string interfaceHint(const std::string& name) { return "`ip link show " + name + "` must find the interface in that network namespace."; }

/** ioctls on one interface. */
class Interface {
 public:
  explicit Interface(const std::string& name)
      : name_(name), fd_(check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket", "Raise the limit of open files (`ulimit -n`).")) {
    if (name.empty() || name.size() >= IFNAMSIZ) throw SystemError{ENODEV, "ioctl", interfaceHint(name)};
  }

  ifreq get(unsigned long request) const { return call(request, ifreq{}); }
  ifreq call(unsigned long request, ifreq argument) const {
    std::memcpy(argument.ifr_name, name_.c_str(), name_.size() + 1);
    if (ioctl(fd_.get(), request, &argument) == 0) return argument;
    throw SystemError{errno, "ioctl", errno == EPERM ? "Changing an interface needs CAP_NET_ADMIN: run as root." : interfaceHint(name_)};
  }
  /** False when the driver does not know the request. */
  template <typename Answer>
  bool ethtool(Answer& answer) const {
    ifreq argument{};
    std::memcpy(argument.ifr_name, name_.c_str(), name_.size() + 1);
    argument.ifr_data = reinterpret_cast<char*>(&answer);
    return ioctl(fd_.get(), SIOCETHTOOL, &argument) == 0;
  }

 private:
  std::string name_;
  Fd fd_;
};

struct LinkInfo {
  int index = 0;
  int mtu = 0;
  short flags = 0;
  bool running = false;
  uint8_t address[6] = {};
  std::string driver;
  uint32_t rxQueues = 1;
  uint32_t txQueues = 1;
  bool defaultRoute = false;
};

/** Whether a default route of the calling thread's namespace leaves through the interface. */
bool carriesDefaultRoute(const std::string& name) {
  char device[64];
  char line[512];
  unsigned destination = 0, gateway = 0, flags = 0, mask = 0;
  bool found = false;
  if (FILE* routes = fopen("/proc/thread-self/net/route", "re")) {
    while (fgets(line, sizeof line, routes) != nullptr) {
      const int fields = sscanf(line, "%63s %x %x %x %*d %*d %*d %x", device, &destination, &gateway, &flags, &mask);
      found = found || (fields == 5 && destination == 0 && mask == 0 && name == device);
    }
    fclose(routes);
  }
  if (FILE* routes = fopen("/proc/thread-self/net/ipv6_route", "re")) {
    char prefix[40];
    unsigned length = 1;
    constexpr unsigned kReject = 0x200;
    while (fgets(line, sizeof line, routes) != nullptr) {
      const int fields = sscanf(line, "%39s %x %*s %*x %*s %*x %*x %*x %x %63s", prefix, &length, &flags, device);
      found = found || (fields == 4 && length == 0 && (flags & kReject) == 0 && name == device);
    }
    fclose(routes);
  }
  return found;
}

LinkInfo inspect(const std::string& name) {
  const Interface link(name);
  LinkInfo found;
  found.index = link.get(SIOCGIFINDEX).ifr_ifindex;
  found.mtu = link.get(SIOCGIFMTU).ifr_mtu;
  found.flags = link.get(SIOCGIFFLAGS).ifr_flags;
  std::memcpy(found.address, link.get(SIOCGIFHWADDR).ifr_hwaddr.sa_data, sizeof found.address);
  ethtool_drvinfo driver{};
  driver.cmd = ETHTOOL_GDRVINFO;
  if (link.ethtool(driver)) found.driver = driver.driver;
  // IFF_RUNNING follows the carrier up to a second later.
  ethtool_value carrier{};
  carrier.cmd = ETHTOOL_GLINK;
  found.running = link.ethtool(carrier) ? carrier.data != 0 : (found.flags & IFF_RUNNING) != 0;
  ethtool_channels channels{};
  channels.cmd = ETHTOOL_GCHANNELS;
  if (link.ethtool(channels) && channels.rx_count + channels.combined_count > 0) {
    found.rxQueues = channels.rx_count + channels.combined_count;
    found.txQueues = channels.tx_count + channels.combined_count;
  }
  found.defaultRoute = carriesDefaultRoute(name);
  return found;
}

std::string macText(const uint8_t* bytes) {
  char text[18];
  snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5]);
  return text;
}

Napi::Value linkInfo(const Napi::CallbackInfo& info) {
  const Options options(info, 0);
  const std::string name = options.text("name");
  LinkInfo found;
  inNamespace(options.netns(), [&] { found = inspect(name); });
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("name", name);
  result.Set("index", found.index);
  result.Set("mtu", found.mtu);
  result.Set("address", macText(found.address));
  result.Set("driver", found.driver);
  result.Set("up", (found.flags & IFF_UP) != 0);
  result.Set("running", found.running);
  result.Set("loopback", (found.flags & IFF_LOOPBACK) != 0);
  result.Set("rxQueues", found.rxQueues);
  result.Set("txQueues", found.txQueues);
  result.Set("defaultRoute", found.defaultRoute);
  return result;
}

Napi::Value setLink(const Napi::CallbackInfo& info) {
  const Options options(info, 0);
  const std::string name = options.text("name");
  const auto mtu = static_cast<int>(options.integerOr("mtu", 68, 65535, 0));
  const bool changesState = options.has("up"), up = options.flag("up");
  inNamespace(options.netns(), [&] {
    const Interface link(name);
    ifreq argument{};
    argument.ifr_mtu = mtu;
    if (mtu != 0) link.call(SIOCSIFMTU, argument);
    if (!changesState) return;
    argument = link.get(SIOCGIFFLAGS);
    argument.ifr_flags = static_cast<short>(up ? argument.ifr_flags | IFF_UP : argument.ifr_flags & ~IFF_UP);
    link.call(SIOCSIFFLAGS, argument);
  });
  return info.Env().Undefined();
}

Napi::Value openPromiscuous(const Napi::CallbackInfo& info) {
  const Options options(info, 0);
  packet_mreq request{};
  request.mr_ifindex = static_cast<int>(options.integer("index", 1, INT32_MAX));
  request.mr_type = PACKET_MR_PROMISC;
  Fd fd;
  inNamespace(options.netns(), [&] {
    fd = Fd(check(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), "socket", "A packet socket needs CAP_NET_RAW: run as root."));
    check(setsockopt(fd.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof request), "setsockopt(PACKET_ADD_MEMBERSHIP)",
          "The interface must still be there: `ip link` shows its number.");
  });
  return Napi::Number::New(info.Env(), fd.release());
}

Napi::Value openLinkMonitor(const Napi::CallbackInfo& info) {
  const Options options(info, 0);
  Fd fd;
  inNamespace(options.netns(), [&] {
    fd = Fd(check(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE), "socket", "Raise the limit of open files (`ulimit -n`)."));
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_LINK;
    check(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "bind", "The kernel must allow netlink groups here.");
  });
  return Napi::Number::New(info.Env(), fd.release());
}

Napi::Object linkEvent(Napi::Env env, nlmsghdr* header) {
  auto* link = static_cast<ifinfomsg*>(NLMSG_DATA(header));
  Napi::Object event = Napi::Object::New(env);
  event.Set("index", link->ifi_index);
  event.Set("deleted", header->nlmsg_type == RTM_DELLINK);
  event.Set("up", (link->ifi_flags & IFF_UP) != 0);
  event.Set("running", (link->ifi_flags & IFF_RUNNING) != 0);
  int length = static_cast<int>(IFLA_PAYLOAD(header));
  for (rtattr* attribute = IFLA_RTA(link); RTA_OK(attribute, length); attribute = RTA_NEXT(attribute, length)) {
    if (attribute->rta_type == IFLA_IFNAME) event.Set("name", static_cast<const char*>(RTA_DATA(attribute)));
  }
  return event;
}

Napi::Value readLinkEvents(const Napi::CallbackInfo& info) {
  const int fd = fdArg(info, 0);
  Napi::Array events = Napi::Array::New(info.Env());
  uint32_t count = 0;
  alignas(nlmsghdr) char buffer[16384];
  for (;;) {
    const ssize_t received = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (received == -1 && errno == EAGAIN) return events;
    if (received == -1 && errno != ENOBUFS) throw SystemError{errno, "recv", "The descriptor must come from openLinkMonitor and still be open."};
    int length = static_cast<int>(received);
    for (auto* header = reinterpret_cast<nlmsghdr*>(buffer); NLMSG_OK(header, length); header = NLMSG_NEXT(header, length)) {
      if (header->nlmsg_type == RTM_NEWLINK || header->nlmsg_type == RTM_DELLINK) events.Set(count++, linkEvent(info.Env(), header));
    }
    // Some news was lost: say so with an event that names no interface.
    if (received == -1) events.Set(count++, info.Env().Null());
  }
}

}  // namespace

void registerLink(Napi::Env env, Napi::Object exports) {
  expose<linkInfo>(env, exports, "linkInfo");
  expose<setLink>(env, exports, "setLink");
  expose<openPromiscuous>(env, exports, "openPromiscuous");
  expose<openLinkMonitor>(env, exports, "openLinkMonitor");
  expose<readLinkEvents>(env, exports, "readLinkEvents");
}
