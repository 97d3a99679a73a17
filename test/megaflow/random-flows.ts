// Seeded random pipelines in ovs-ofctl's syntax: a few tables whose rules use every kind of match and
// action, over the values that random-keys.ts uses.

import { FlowSyntaxError } from "../../src/errors.ts";
import { parseFlow } from "../../src/openflow/parse-flow.ts";
import type { Random } from "./random-keys.ts";

function pick<T>(random: Random, values: readonly T[]): T {
  return values[random(values.length)] as T;
}

const MATCHES: readonly ((random: Random) => string)[] = [
  () => "",
  (r) => `in_port=${1 + r(4)}`,
  (r) => `dl_dst=02:00:00:00:00:0${1 + r(3)}`,
  () => "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00",
  (r) => `dl_src=02:00:00:00:00:0${1 + r(3)}`,
  (r) => `dl_vlan=${pick(r, [5, 6, 100])}`,
  () => "vlan_tci=0x1000/0x1000",
  () => "vlan_tci=0",
  (r) => `dl_vlan_pcp=${r(3)}`,
  () => "arp",
  (r) => `arp,arp_op=${1 + r(2)}`,
  (r) => `arp,arp_tpa=10.0.0.${r(4)}`,
  () => "ip",
  (r) => `ip,nw_dst=10.${r(3)}.0.0/${pick(r, [16, 17, 12])}`,
  (r) => `ip,nw_dst=10.${r(3)}.0.${r(4)}`,
  (r) => `ip,nw_src=10.${r(3)}.0.0/16`,
  (r) => `ip,nw_src=10.${r(3)}.0.0/16,nw_dst=10.${r(3)}.0.0/${pick(r, [14, 24, 30])}`,
  () => "ip,nw_frag=yes",
  () => "ip,nw_frag=not_later",
  (r) => `ip,nw_ttl=${pick(r, [64, 1])}`,
  (r) => `ip,nw_tos=${pick(r, [0, 184])}`,
  (r) => `tcp,tp_dst=${pick(r, [80, 443, 1000])}`,
  (r) => `tcp,tp_dst=0x3e8/0xfff${pick(r, ["0", "8", "c"])}`,
  (r) => `tcp,tp_src=${pick(r, [80, 443])},tcp_flags=+syn`,
  (r) => `tcp,nw_dst=10.${r(3)}.0.0/16,tp_dst=${pick(r, [80, 443])}`,
  (r) => `udp,tp_src=${pick(r, [53, 80])}`,
  () => "icmp,icmp_type=8",
  () => "sctp,tp_dst=80",
  () => "ipv6",
  (r) => `ipv6,ipv6_dst=fd00:0:0:${r(3)}::/64`,
  (r) => `ipv6,ipv6_src=fd00:0:0:${r(3)}::${r(4)}`,
  () => "tcp6,tp_dst=80",
  () => "icmp6,icmp_type=135,nd_target=fd00::1",
  () => "mpls",
  (r) => `mpls,mpls_label=${pick(r, [16, 17])}`,
  () => "mpls,mpls_bos=1",
  (r) => `reg0=${r(3)}`,
  (r) => `reg1=${r(2)}/1`,
  (r) => `metadata=${r(3)}`,
  (r) => `pkt_mark=${r(3)}`,
  () => "dl_type=0x88cc",
];

type ActionMaker = (random: Random, table: number, tables: number) => string;

/** Actions that change the packet or the metadata. */
const CHANGES: readonly ActionMaker[] = [
  (r) => `mod_dl_dst:02:00:00:00:00:0${1 + r(3)}`,
  (r) => `mod_dl_src:02:00:00:00:00:0${1 + r(3)}`,
  (r) => `set_field:00:00:00:00:00:0${r(3)}/00:00:00:00:00:ff->eth_dst`,
  (r) => `mod_nw_dst:10.${r(3)}.0.9`,
  (r) => `mod_nw_src:10.${r(3)}.0.9`,
  (r) => `set_field:0.0.${r(3)}.0/0.0.255.0->ip_dst`,
  () => "mod_nw_tos:184",
  () => "mod_nw_ecn:2",
  (r) => `mod_nw_ttl:${pick(r, [1, 64])}`,
  (r) => `mod_tp_dst:${pick(r, [80, 8080])}`,
  (r) => `mod_tp_src:${pick(r, [80, 8080])}`,
  () => "dec_ttl",
  () => "dec_ttl(1,2)",
  (r) => `push_vlan:${pick(r, ["0x8100", "0x88a8"])}`,
  (r) => `set_field:${4096 + pick(r, [5, 6])}->vlan_vid`,
  (r) => `mod_vlan_vid:${pick(r, [5, 6, 100])}`,
  (r) => `mod_vlan_pcp:${r(3)}`,
  () => "strip_vlan",
  () => "push_mpls:0x8847",
  () => "pop_mpls:0x0800",
  () => "pop_mpls:0x8847",
  (r) => `set_mpls_label:${pick(r, [16, 99])}`,
  () => "dec_mpls_ttl",
  () => "set_mpls_ttl(7)",
  (r) => `load:${r(3)}->NXM_NX_REG0[]`,
  (r) => `set_field:${r(2)}->reg1`,
  () => "move:NXM_OF_IN_PORT[]->NXM_NX_REG1[0..15]",
  () => "move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]",
  () => "move:NXM_OF_VLAN_TCI[0..11]->NXM_NX_REG0[0..11]",
  () => "move:NXM_NX_REG0[]->NXM_OF_IP_DST[]",
  () => "push:NXM_OF_ETH_SRC[],push:NXM_OF_ETH_DST[],pop:NXM_OF_ETH_SRC[],pop:NXM_OF_ETH_DST[]",
  () => "push:NXM_OF_IP_SRC[],push:NXM_OF_IP_DST[],pop:NXM_OF_IP_SRC[],pop:NXM_OF_IP_DST[]",
  () => "push:NXM_NX_REG0[],pop:NXM_NX_REG1[]",
  (r) => `set_field:${r(3)}->metadata`,
  (r) => `set_field:${r(3)}->pkt_mark`,
  (r) => `set_queue:${r(3)}`,
  () => "set_field:10.0.0.7->arp_spa",
  () => "set_field:2->arp_op",
  () => "set_field:fd00::7->ipv6_dst",
  () => "set_field:443->tcp_dst",
  () => "set_field:443->udp_src",
  () => "set_field:3->icmp_type",
  () => "set_field:fd00::5->nd_target",
  () => "note:00.01",
  () => "fin_timeout(idle_timeout=1)",
  () => "multipath(symmetric_l4,0,modulo_n,3,0,NXM_NX_REG0[])",
  () => "multipath(nw_src,7,hash_threshold,2,0,NXM_NX_REG1[])",
];

/** Actions that send the packet somewhere, or to another table. */
const SENDS: readonly ActionMaker[] = [
  (r) => `output:${1 + r(5)}`,
  (r) => `output:${1 + r(4)}`,
  () => "in_port",
  () => "flood",
  () => "all",
  () => "normal",
  () => "controller",
  (r) => `controller(max_len=64,id=${r(3)})`,
  () => "output:NXM_NX_REG1[0..15]",
  (r) => `output(port=${1 + r(4)},max_len=80)`,
  (r) => `enqueue:${1 + r(4)}:2`,
  (r) => `group:${1 + r(5)}`,
  () => "bundle(eth_src,0,hrw,ofport,members:2,3)",
  (r) => `clone(mod_dl_src:02:00:00:00:00:09,output:${1 + r(4)})`,
  (r) => `clone(output(port=2,max_len=60),dec_ttl,output:${1 + r(4)})`,
  (r, table, tables) => `resubmit(,${Math.min(table + 1 + r(2), tables - 1)})`,
  (r, table, tables) => `resubmit(${1 + r(4)},${Math.min(table + 1, tables - 1)})`,
];

const ENDS: readonly ActionMaker[] = [
  (r, table, tables) => (table + 1 < tables ? `goto_table:${table + 1}` : `output:${1 + r(4)}`),
  (r, table, tables) => (table + 1 < tables ? `write_metadata:${r(3)},goto_table:${table + 1}` : "flood"),
  (r, table, tables) =>
    table + 1 < tables
      ? `write_actions(output:${1 + r(4)},set_field:02:00:00:00:00:07->eth_dst),goto_table:${table + 1}`
      : "normal",
  (_r, table, tables) => (table + 1 < tables ? `clear_actions,goto_table:${table + 1}` : "drop"),
  (r) =>
    `check_pkt_larger(${pick(r, [64, 200])})->NXM_NX_REG0[0],output:${1 + r(4)},output:NXM_NX_REG0[0..15]`,
  () => "exit",
];

/** The text of a pipeline of `tables` tables. */
export function randomFlows(random: Random, tables: number, rulesPerTable: number): string {
  const lines: string[] = [];
  for (let table = 0; table < tables; table++) {
    const seen = new Set<string>();
    for (let i = 0; i < rulesPerTable; i++) {
      const match = i === 0 ? "" : pick(random, MATCHES)(random);
      const priority = match === "" ? 1 : 10 + i;
      if (seen.has(match)) continue;
      seen.add(match);
      const head = [`table=${table}`, `priority=${priority}`, match].filter((part) => part !== "").join(",");
      let line = "";
      do line = `${head} actions=${randomActions(random, table, tables)}`;
      while (!isAccepted(line));
      lines.push(line);
    }
  }
  return lines.join("\n");
}

/** Whether the actions make sense for packets of the match. */
function isAccepted(line: string): boolean {
  try {
    parseFlow(line);
    return true;
  } catch (error) {
    if (error instanceof FlowSyntaxError) return false;
    throw error;
  }
}

/** The text of one rule's actions. */
export function randomActions(random: Random, table: number, tables: number): string {
  if (random(25) === 0) return "drop";
  const actions: string[] = [];
  for (let n = random(4); n > 0; n--) {
    const makers = random(2) === 0 ? CHANGES : SENDS;
    actions.push(pick(random, makers)(random, table, tables));
  }
  const end = table + 1 < tables || random(4) === 0 ? pick(random, ENDS) : pick(random, SENDS);
  actions.push(end(random, table, tables));
  return actions.filter((action) => action !== "drop" || actions.length === 1).join(",");
}

/** Groups 1 to 4 of the pipelines; 5 does not exist. */
export const GROUPS = [
  "group_id=1,type=all,bucket=output:2,bucket=mod_dl_src:02:00:00:00:00:0a,dec_ttl,output:3",
  "group_id=2,type=indirect,bucket=push_vlan:0x8100,set_field:4101->vlan_vid,output:4",
  "group_id=3,type=ff,bucket=watch_port:9,output:1,bucket=watch_port:2,output:2",
  "group_id=4,type=select,selection_method=hash,fields(eth_src),bucket=output:2,bucket=output:3",
].join("\n");
