#!/usr/bin/env bash
# Records busy.pcap.gz: 32 clients at once with pages, questions, streams and pings, thousands of connections of real
# programs over the kernel's own stacks, in two network namespaces that it makes and removes.
# Needs root and: iproute2 iputils-ping tcpdump iperf3 curl python3 ethtool
#   a0 (10.0.1.10 to .41) --- b0 (10.0.1.1; servers 10.0.2.20 to .23)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
started=()

in_ns() { local ns=mfbusy-$1; shift; ip netns exec "$ns" "$@"; }
background() { "$@" >>"$work/log" 2>&1 & started+=($!); }

finish() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  for ns in a b; do ip netns del "mfbusy-$ns" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT

for ns in a b; do
  ip netns add "mfbusy-$ns"
  in_ns "$ns" ip link set lo up
  in_ns "$ns" sysctl -q -w net.ipv6.conf.default.disable_ipv6=1
done
ip link add a0 netns mfbusy-a address 02:00:00:00:0a:01 type veth peer name b0 netns mfbusy-b address 02:00:00:00:0b:01
for end in "a a0" "b b0"; do
  read -r ns device <<<"$end"
  in_ns "$ns" ip link set "$device" up
  in_ns "$ns" ethtool -K "$device" tx off rx off tso off gso off gro off >/dev/null 2>&1
done
for i in $(seq 10 41); do in_ns a ip addr add "10.0.1.$i/24" dev a0; done
in_ns b ip addr add 10.0.1.1/24 dev b0
for i in 20 21 22 23; do in_ns b ip addr add "10.0.2.$i/24" dev b0; done
in_ns a ip route add default via 10.0.1.1

background ip netns exec mfbusy-b tcpdump -q -n -U -s 0 -B 16384 -i b0 -w "$work/busy.pcap" ip
capturing=$!
background ip netns exec mfbusy-b iperf3 -s
background ip netns exec mfbusy-b python3 "$here/talk.py" web 8000
background ip netns exec mfbusy-b python3 "$here/talk.py" echo 53
sleep 1

# client ADDRESS: its pages from every server, each over a connection of its own, its questions and its pings.
client() {
  for server in 20 21 22 23; do
    curl -s -o /dev/null --interface "$1" -H 'Connection: close' "http://10.0.2.$server:8000/[1-12]" || true
    ping -q -c 3 -i 0.01 -W 1 -I "$1" "10.0.2.$server" || true
    python3 "$here/talk.py" ask "10.0.2.$server" 53 10 "$1" || true
  done
}
export -f client
export here
background ip netns exec mfbusy-a iperf3 -c 10.0.2.20 -B 10.0.1.10 -M 536 -l 512 -b 1M -t 12
seq -f '10.0.1.%g' 10 41 | in_ns a xargs -P 8 -I{} timeout 60 bash -c 'client {}' >>"$work/log" 2>&1
sleep 0.7
kill -TERM "$capturing"
wait "$capturing" 2>/dev/null || true
gzip -9 -n <"$work/busy.pcap" >"$here/busy.pcap.gz"
ls -l "$here/busy.pcap.gz"
