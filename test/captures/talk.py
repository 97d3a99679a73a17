"""Small servers and clients for record.sh, for what ping, curl and iperf3 do not send."""

import http.server
import socket
import struct
import sys
import time


def family(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def web(port):
    """Serves a short page over IPv4 and IPv6."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = b"forwarded\n" * 20
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        address_family = socket.AF_INET6

    Server(("::", int(port)), Page).serve_forever()


def echo(port):
    """Answers every datagram with one half again as long."""
    server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind(("::", int(port)))
    while True:
        data, peer = server.recvfrom(2048)
        server.sendto(data + data[: len(data) // 2], peer)


def ask(host, port, count, source=""):
    """Asks from a new port each time, as a resolver does."""
    for number in range(int(count)):
        client = socket.socket(family(host), socket.SOCK_DGRAM)
        client.bind((source, 0))
        client.settimeout(0.2)
        client.sendto(struct.pack("!HH", number, 0x0100) + b"\x03www\x07example\x00\x00\x01\x00\x01", (host, int(port)))
        try:
            client.recvfrom(2048)
        except OSError:
            pass
        client.close()


def join(address):
    """Joins and leaves multicast groups and sends to them."""
    v4 = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    v6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    index = socket.if_nametoindex("a0")
    v4.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
    v6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
    for number in range(1, 6):
        member4 = socket.inet_aton(f"239.1.1.{number}") + socket.inet_aton(address)
        member6 = socket.inet_pton(socket.AF_INET6, f"ff05::{number}") + struct.pack("@I", index)
        v4.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member4)
        v6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member6)
        v4.sendto(b"to the group", (f"239.1.1.{number}", 5000))
        v6.sendto(b"to the group", (f"ff05::{number}", 5000))
    time.sleep(2)
    v4.close()
    v6.close()
    time.sleep(1)


def options(host):
    """Sends datagrams behind hop-by-hop, destination and routing headers, and fragments of such ones."""
    hop_by_hop, destination, routing = 54, 59, 57
    padding = bytes([0, 0, 1, 4, 0, 0, 0, 0])
    segments = bytes([0, 0, 4, 0, 0, 0, 0, 0])
    for size in (10, 200, 2500):
        for headers in ((hop_by_hop,), (destination,), (hop_by_hop, destination), (routing,), (hop_by_hop, routing, destination)):
            client = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            for header in headers:
                value = segments if header == routing else padding
                try:
                    client.setsockopt(socket.IPPROTO_IPV6, header, value)
                except OSError as error:
                    print("option", header, error)
            client.sendto(bytes(size), (host, 53))
            client.close()


def ipoptions(host):
    """Sends datagrams with IPv4 options: none, router alert, record route."""
    for option in (b"\x01\x01\x01\x01", b"\x94\x04\x00\x00", b"\x07\x0b\x04" + bytes(8) + b"\x00"):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, option)
        client.settimeout(0.2)
        client.sendto(b"with options", (host, 53))
        client.close()


def reset(host, port):
    """Connects and slams the door, so that resets are sent."""
    for _ in range(10):
        client = socket.create_connection((host, int(port)))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
