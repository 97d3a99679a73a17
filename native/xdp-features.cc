// What an interface's driver can do with XDP, as the kernel itself says: asked over generic netlink (Linux 6.3),
// without privilege and without touching the interface.
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "netns.h"
#include "options.h"
#include "registers.h"

namespace {

// linux/netdev.h, which older headers lack.
constexpr uint8_t kDeviceGet = 1;
constexpr uint16_t kIndex = 1;
constexpr uint16_t kFeatures = 3;

/** One request with one attribute. */
struct Request {
  nlmsghdr header;
  genlmsghdr generic;
  nlattr attribute;
  char value[16];
};

Request requestOf(uint16_t family, uint8_t command, uint16_t attribute, const void* value, size_t length) {
  Request request{};
  request.header.nlmsg_type = family;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.generic.cmd = command;
  request.generic.version = 1;
  request.attribute.nla_type = attribute;
  request.attribute.nla_len = static_cast<uint16_t>(NLA_HDRLEN + length);
  std::memcpy(request.value, value, length);
  request.header.nlmsg_len = static_cast<uint32_t>(NLMSG_LENGTH(GENL_HDRLEN) + NLA_ALIGN(request.attribute.nla_len));
  return request;
}

/** Sends the request; copies the answer's attribute and returns true, or false when there is none. */
bool ask(int fd, const Request& request, uint16_t attribute, void* value, size_t length) {
  alignas(nlmsghdr) char answer[8192];
  check(send(fd, &request, request.header.nlmsg_len, 0), "send(netlink)", "Netlink must be usable here.");
  const ssize_t received = check(recv(fd, answer, sizeof answer, 0), "recv(netlink)", "Netlink must be usable here.");
  const auto* header = reinterpret_cast<const nlmsghdr*>(answer);
  if (!NLMSG_OK(header, static_cast<uint32_t>(received)) || header->nlmsg_type == NLMSG_ERROR) return false;
  const char* at = answer + NLMSG_LENGTH(GENL_HDRLEN);
  const char* end = answer + header->nlmsg_len;
  while (at + NLA_HDRLEN <= end) {
    nlattr found;
    std::memcpy(&found, at, sizeof found);
    if (found.nla_len < NLA_HDRLEN) return false;
    if ((found.nla_type & NLA_TYPE_MASK) == attribute && found.nla_len >= NLA_HDRLEN + length) {
      std::memcpy(value, at + NLA_HDRLEN, length);
      return true;
    }
    at += NLA_ALIGN(found.nla_len);
  }
  return false;
}

/** The driver's bits of NETDEV_XDP_ACT_*, or -1 when the kernel does not say. */
Napi::Value xdpFeatures(const Napi::CallbackInfo& info) {
  const Options options(info, 0);
  const auto index = static_cast<uint32_t>(options.integer("index", 1, INT32_MAX));
  uint64_t features = 0;
  bool said = false;
  inNamespace(options.netns(), [&] {
    const Fd fd(check(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC), "socket(AF_NETLINK)", "Netlink must be usable here."));
    constexpr char family[] = "netdev";
    uint16_t id = 0;
    said = ask(fd.get(), requestOf(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, family, sizeof family), CTRL_ATTR_FAMILY_ID, &id, sizeof id) &&
           ask(fd.get(), requestOf(id, kDeviceGet, kIndex, &index, sizeof index), kFeatures, &features, sizeof features);
  });
  return Napi::Number::New(info.Env(), said ? static_cast<double>(features) : -1);
}

}  // namespace

void registerXdpFeatures(Napi::Env env, Napi::Object exports) { expose<xdpFeatures>(env, exports, "xdpFeatures"); }
