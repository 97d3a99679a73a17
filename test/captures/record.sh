#!/usr/bin/env bash
# Records the captures of this directory from real programs in network namespaces that it makes and removes.
# Needs root and: iproute2 iputils-ping tcpdump iperf3 curl python3 ethtool radvd libusrsctp-examples
# openvswitch-switch (its userspace datapath tags and labels the frames of trunk.pcap).
#   a0 (10.0.1.10) --- r0 router r1 --- b0 (10.0.2.20)       c0 (10.0.3.1) --- OVS ==trunk== OVS --- d0 (10.0.3.2)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
started=()

in_ns() { local ns=mfcap-$1; shift; ip netns exec "$ns" "$@"; }
background() { "$@" >>"$work/log" 2>&1 & started+=($!); }

finish() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  for ns in a b r c d t; do ip netns del "mfcap-$ns" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT

# link NS1 DEV1 NS2 DEV2 LAST-BYTE: a cable whose frames leave with whole checksums and no segments to cut.
link() {
  ip link add "$2" netns "mfcap-$1" address "02:00:00:00:0a:$5" type veth peer name "$4" netns "mfcap-$3" address "02:00:00:00:0b:$5"
  for end in "$1 $2" "$3 $4"; do
    read -r ns device <<<"$end"
    in_ns "$ns" ip link set "$device" up
    in_ns "$ns" ethtool -K "$device" tx off rx off tso off gso off gro off >/dev/null 2>&1
  done
}

# capture NS DEV FILE
capture() {
  ip netns exec "mfcap-$1" tcpdump -q -n -U -s 0 -B 8192 -i "$2" -w "$work/$3" >>"$work/log" 2>&1 &
  capturing=$!
  started+=("$capturing")
  sleep 0.7
}

end_capture() {
  sleep 0.7
  kill -TERM "$capturing"
  wait "$capturing" 2>/dev/null || true
}

addresses() { # NS DEV IPV4 IPV6
  in_ns "$1" ip addr add "$3" dev "$2"
  in_ns "$1" ip addr add "$4" dev "$2" nodad
}

make_namespaces() {
  for ns in a b r c d t; do
    ip netns add "mfcap-$ns"
    in_ns "$ns" ip link set lo up
    in_ns "$ns" sysctl -q -w net.ipv6.conf.default.accept_dad=0
  done
  link a a0 r r0 01
  link b b0 r r1 02
  in_ns r sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  # The router's side of the first cable is a bridge with spanning tree, so that BPDUs (802.2) are there.
  in_ns r ip link add br0 type bridge stp_state 1 forward_delay 200
  in_ns r ip link set br0 up
  in_ns r ip link set r0 master br0
  addresses a a0 10.0.1.10/24 2001:db8:1::10/64
  addresses r br0 10.0.1.1/24 2001:db8:1::1/64
  addresses r r1 10.0.2.1/24 2001:db8:2::1/64
  addresses b b0 10.0.2.20/24 2001:db8:2::20/64
  for i in 11 12 13; do in_ns a ip addr add "10.0.1.$i/24" dev a0; done
  in_ns a ip route add default via 10.0.1.1
  in_ns a ip -6 route add default via 2001:db8:1::1
  in_ns b ip route add default via 10.0.2.1
  in_ns b ip -6 route add default via 2001:db8:2::1
  sleep 5
}

make_trunk() {
  link c c0 t x1 03
  link d d0 t y1 04
  link t x2 t y2 05
  addresses c c0 10.0.3.1/24 2001:db8:3::1/64
  addresses d d0 10.0.3.2/24 2001:db8:3::2/64
  export OVS_RUNDIR=$work OVS_DBDIR=$work OVS_LOGDIR=$work
  ovsdb-tool create "$work/conf.db" /usr/share/openvswitch/vswitch.ovsschema
  background ovsdb-server "$work/conf.db" "--remote=punix:$work/db.sock" "--unixctl=$work/db.ctl"
  sleep 1
  ovs-vsctl "--db=unix:$work/db.sock" --no-wait init
  background ip netns exec mfcap-t ovs-vswitchd "unix:$work/db.sock" "--unixctl=$work/vs.ctl"
  local side
  for side in x y; do
    ovs-vsctl "--db=unix:$work/db.sock" --timeout=10 -- set Open_vSwitch . other_config:vlan-limit=2 \
      -- add-br "br-$side" -- set bridge "br-$side" datapath_type=netdev fail_mode=secure \
      -- add-port "br-$side" "${side}1" -- set interface "${side}1" ofport_request=1 \
      -- add-port "br-$side" "${side}2" -- set interface "${side}2" ofport_request=2
    ovs-ofctl -O OpenFlow13 add-flows "unix:$work/br-$side.mgmt" "$here/trunk.flows"
  done
}

# Plain hosts behind a router: what `npm start` forwards.
record_lab() {
  capture r r0 lab.pcap
  background ip netns exec mfcap-b iperf3 -s
  background ip netns exec mfcap-b python3 "$here/talk.py" web 8000
  background ip netns exec mfcap-b python3 "$here/talk.py" echo 53
  sleep 1
  in_ns a ping -q -c 20 -i 0.01 10.0.2.20
  in_ns a ping -q -c 20 -i 0.01 2001:db8:2::20
  in_ns a ping -q -c 5 -i 0.01 10.0.1.1
  in_ns a ping -q -c 2 -i 0.01 -s 4000 10.0.2.20
  in_ns a ping -q -c 2 -i 0.01 -s 4000 2001:db8:2::20
  in_ns a ping -q -c 2 -i 0.01 -t 1 10.0.2.20 || true
  for address in 10 11 12 13; do in_ns a iperf3 -c 10.0.2.20 -B "10.0.1.$address" -M 536 -l 512 -n 16K; done
  in_ns a iperf3 -c 2001:db8:2::20 -M 600 -l 512 -n 16K
  in_ns a iperf3 -c 10.0.2.20 -R -M 300 -l 256 -n 24K
  in_ns a iperf3 -c 10.0.2.20 -u -l 64 -b 2M -n 40K
  in_ns a iperf3 -c 2001:db8:2::20 -u -l 64 -b 2M -n 20K
  for _ in $(seq 60); do in_ns a curl -s -o /dev/null http://10.0.2.20:8000/; done
  for _ in $(seq 15); do in_ns a curl -g -s -o /dev/null 'http://[2001:db8:2::20]:8000/'; done
  in_ns a python3 "$here/talk.py" ask 10.0.2.20 53 300
  in_ns a python3 "$here/talk.py" ask 2001:db8:2::20 53 100
  in_ns a curl -s -m 2 http://10.0.2.20:9/ || true
  in_ns a python3 "$here/talk.py" ask 10.0.2.20 99 5 || true
  end_capture
}

# What is rare: router discovery, multicast membership, SCTP, extension headers, resets, expiries, address conflicts.
record_edge() {
  capture r r0 edge.pcap
  cat >"$work/radvd.conf" <<'RADVD'
interface br0 { AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; prefix 2001:db8:1::/64 { }; };
RADVD
  background ip netns exec mfcap-r radvd -n -C "$work/radvd.conf" -p "$work/radvd.pid"
  in_ns a ip link set a0 down
  in_ns a sysctl -q -w net.ipv6.conf.a0.accept_dad=1
  in_ns a ip link set a0 up
  in_ns a ip route add default via 10.0.1.1 || true
  in_ns a ip addr add 2001:db8:1::11/64 dev a0
  sleep 5
  in_ns a ip -6 route add default via 2001:db8:1::1 || true
  in_ns a python3 "$here/talk.py" join 10.0.1.10
  in_ns a python3 "$here/talk.py" options 2001:db8:2::20
  in_ns a python3 "$here/talk.py" ipoptions 10.0.2.20
  background ip netns exec mfcap-b timeout 10 /usr/lib/usrsctp/tsctp -T 5
  sleep 1
  in_ns a timeout 8 /usr/lib/usrsctp/tsctp -n 60 -l 100 10.0.2.20 || true
  for size in 1 100 1472 1473 3000; do in_ns a ping -q -c 3 -i 0.01 -s $size 10.0.2.20; done
  for size in 1 1452 1453 3000; do in_ns a ping -q -c 3 -i 0.01 -s $size 2001:db8:2::20; done
  in_ns a ping -q -c 3 -i 0.01 -Q 0xb8 10.0.2.20
  in_ns a ping -q -c 3 -i 0.01 -R 10.0.2.20
  in_ns a ping -q -c 2 -i 0.01 -T tsonly 10.0.2.20
  in_ns a ping -q -c 2 -i 0.01 -F 12345 2001:db8:2::20
  in_ns a ping -q -c 2 -W 1 10.0.9.9 || true
  in_ns a ping -q -c 2 -W 1 2001:db8:9::9 || true
  in_ns a ping -q -c 2 -i 0.1 -W 1 10.0.1.77 || true
  in_ns a ping -q -c 2 -i 0.1 -W 1 2001:db8:1::77 || true
  in_ns a ping -q -b -c 2 -i 0.1 -W 1 10.0.1.255 || true
  in_ns a ping -q -c 2 -i 0.1 -W 1 ff02::1%a0 || true
  for port in 1 2 3 4; do in_ns a curl -s -m 1 "http://10.0.2.20:$port/" || true; done
  in_ns a python3 "$here/talk.py" reset 10.0.2.20 8000
  in_ns b python3 "$here/talk.py" ask 10.0.1.10 7 5 || true
  for _ in 1 2 3; do in_ns a iperf3 -c 10.0.2.20 -u -l 3000 -b 2M -n 12K; done
  in_ns a iperf3 -c 10.0.2.20 -S 0x28 -M 400 -l 300 -n 8K
  in_ns a iperf3 -c 10.0.2.20 -P 20 -M 500 -n 1K
  end_capture
}

# The same programs over a trunk: one and two VLAN tags, one and two MPLS labels.
record_trunk() {
  capture t x2 trunk.pcap
  background ip netns exec mfcap-d iperf3 -s
  background ip netns exec mfcap-d python3 "$here/talk.py" web 8000
  background ip netns exec mfcap-d python3 "$here/talk.py" echo 53
  sleep 1
  in_ns c ping -q -c 40 -i 0.01 10.0.3.2
  in_ns c ping -q -c 40 -i 0.01 2001:db8:3::2
  in_ns c ping -q -c 3 -i 0.01 -s 3000 10.0.3.2
  in_ns c iperf3 -c 10.0.3.2 -M 536 -l 512 -n 40K
  in_ns c iperf3 -c 2001:db8:3::2 -M 600 -l 512 -n 20K
  in_ns c iperf3 -c 10.0.3.2 -u -l 64 -b 2M -n 20K
  for _ in $(seq 20); do in_ns c curl -s -o /dev/null http://10.0.3.2:8000/; done
  for _ in $(seq 5); do in_ns c curl -g -s -o /dev/null 'http://[2001:db8:3::2]:8000/'; done
  in_ns c python3 "$here/talk.py" ask 10.0.3.2 53 150
  in_ns c python3 "$here/talk.py" ask 2001:db8:3::2 53 50
  end_capture
}

make_namespaces
make_trunk
record_lab
record_edge
record_trunk
cp "$work/lab.pcap" "$here/../../examples/captures/lab.pcap"
cp "$work/edge.pcap" "$work/trunk.pcap" "$here/"
ls -l "$here"/*.pcap "$here/../../examples/captures"
