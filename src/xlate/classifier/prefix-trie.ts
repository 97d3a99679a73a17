// A longest-prefix-match tree over one field of a classifier: which prefix lengths can match a value,
// and how many leading bits one has to look at to know that.
//
// Values are 32-bit words in host order, most significant bit first. A node holds up to 32 bits of
// prefix. Nodes live in parallel typed arrays; node 0 stands for "none".

const NODE_BITS_MAX = 32;
const NONE = 0;

/** Bits of `value` from bit `offset` on, left aligned; what lies past the end reads as zero. */
function bitsAt(value: Uint32Array, offset: number): number {
  const word = offset >>> 5;
  const shift = offset & 31;
  const high = (value[word] ?? 0) << shift;
  return (shift === 0 ? high : high | ((value[word + 1] ?? 0) >>> (32 - shift))) >>> 0;
}

function bitAt(value: Uint32Array, offset: number): number {
  return ((value[offset >>> 5] ?? 0) >>> (31 - (offset & 31))) & 1;
}

function highBits(value: number, count: number): number {
  return count === 0 ? 0 : (value & (0xffffffff << (32 - count))) >>> 0;
}

/** Prefixes of one field, each counted as often as it was inserted. */
export class PrefixTrie {
  #root = NONE;
  #prefix = new Uint32Array(64);
  #bits = new Uint8Array(64);
  #rules = new Uint32Array(64);
  #edges = new Uint32Array(128);
  #top = 1;
  #free = NONE;

  /** Bytes of storage. */
  get bytes(): number {
    return this.#prefix.length * (4 + 1 + 4 + 8);
  }

  get empty(): boolean {
    return this.#root === NONE;
  }

  /**
   * Looks `value` up. Sets bit n-1 (most significant first) in `lengths`, which the caller has
   * cleared, for every prefix length n that has a rule matching `value`; returns how many leading bits
   * of `value` prove that no other length has one.
   */
  lookup(value: Uint32Array, width: number, lengths: Uint32Array): number {
    let previous = NONE;
    let matched = 0;
    for (let node = this.#root; node !== NONE; ) {
      const nodeBits = this.#bits[node] as number;
      const equal = this.#equalBits(node, nodeBits, value, matched);
      matched += equal;
      if (equal < nodeBits) return matched + 1;
      if (this.#rules[node] !== 0) {
        const last = matched - 1;
        lengths[last >>> 5] = ((lengths[last >>> 5] as number) | (0x80000000 >>> (last & 31))) >>> 0;
      }
      if (matched >= width) return width;
      previous = node;
      node = this.#edges[node * 2 + bitAt(value, matched)] as number;
    }
    return previous === NONE || this.#isLeaf(previous) ? matched : matched + 1;
  }

  /** Adds a prefix of `length` bits (at least 1). */
  insert(value: Uint32Array, length: number): void {
    let offset = 0;
    let parent = NONE;
    let side = 0;
    for (let node = this.#root; node !== NONE; ) {
      const nodeBits = this.#bits[node] as number;
      const equal = this.#equalBits(node, Math.min(nodeBits, length - offset), value, offset);
      offset += equal;
      if (equal < nodeBits) {
        this.#setEdge(parent, side, this.#split(node, equal, value, offset, length));
        return;
      }
      if (offset === length) {
        this.#rules[node] = (this.#rules[node] as number) + 1;
        return;
      }
      parent = node;
      side = bitAt(value, offset);
      node = this.#edges[node * 2 + side] as number;
    }
    const branch = this.#newBranch(value, offset, length - offset, 1);
    this.#setEdge(parent, side, branch);
  }

  /** Takes away one prefix that was inserted before. */
  remove(value: Uint32Array, length: number): void {
    const path: number[] = [];
    let offset = 0;
    let node = this.#root;
    while (node !== NONE) {
      const nodeBits = this.#bits[node] as number;
      const equal = this.#equalBits(node, Math.min(nodeBits, length - offset), value, offset);
      if (equal < nodeBits) break;
      path.push(node);
      offset += equal;
      if (offset === length) {
        if (this.#rules[node] === 0) break;
        this.#rules[node] = (this.#rules[node] as number) - 1;
        this.#prune(path);
        return;
      }
      node = this.#edges[node * 2 + bitAt(value, offset)] as number;
    }
    throw new RangeError("PrefixTrie.remove: the prefix is not there");
  }

  #equalBits(node: number, count: number, value: Uint32Array, offset: number): number {
    const same = Math.clz32((this.#prefix[node] as number) ^ bitsAt(value, offset));
    return Math.min(same, count);
  }

  #isLeaf(node: number): boolean {
    return this.#edges[node * 2] === NONE && this.#edges[node * 2 + 1] === NONE;
  }

  #setEdge(parent: number, side: number, node: number): void {
    if (parent === NONE) this.#root = node;
    else this.#edges[parent * 2 + side] = node;
  }

  /** Puts a node for the first `equal` bits above `node`, and beside it the rest of the new prefix. */
  #split(node: number, equal: number, value: Uint32Array, offset: number, length: number): number {
    const oldSide = ((this.#prefix[node] as number) >>> (31 - equal)) & 1;
    const above = this.#newBranch(value, offset - equal, equal, offset === length ? 1 : 0);
    this.#prefix[node] = (this.#prefix[node] as number) << equal;
    this.#bits[node] = (this.#bits[node] as number) - equal;
    this.#edges[above * 2 + oldSide] = node;
    if (offset < length) {
      const branch = this.#newBranch(value, offset, length - offset, 1);
      this.#edges[above * 2 + (1 - oldSide)] = branch;
    }
    return above;
  }

  #newBranch(value: Uint32Array, offset: number, length: number, rules: number): number {
    const node = this.#allocate();
    const bits = Math.min(length, NODE_BITS_MAX);
    this.#prefix[node] = highBits(bitsAt(value, offset), bits);
    this.#bits[node] = bits;
    if (length <= NODE_BITS_MAX) {
      this.#rules[node] = rules;
      return node;
    }
    const below = this.#newBranch(value, offset + bits, length - bits, rules);
    this.#edges[node * 2 + bitAt(value, offset + bits)] = below;
    return node;
  }

  /** Removes nodes that no rule needs any more, from the end of `path` upwards. */
  #prune(path: number[]): void {
    for (let depth = path.length - 1; depth >= 0; depth--) {
      const node = path[depth] as number;
      if (this.#rules[node] !== 0) return;
      const left = this.#edges[node * 2] as number;
      const right = this.#edges[node * 2 + 1] as number;
      if (left !== NONE && right !== NONE) return;
      const child = left !== NONE ? left : right;
      if (child !== NONE) {
        const bits = this.#bits[node] as number;
        const joined = bits + (this.#bits[child] as number);
        if (joined > NODE_BITS_MAX) return;
        const tail = bits === NODE_BITS_MAX ? 0 : (this.#prefix[child] as number) >>> bits;
        this.#prefix[child] = (this.#prefix[node] as number) | tail;
        this.#bits[child] = joined;
      }
      const parent = depth === 0 ? NONE : (path[depth - 1] as number);
      const side = parent !== NONE && this.#edges[parent * 2 + 1] === node ? 1 : 0;
      this.#setEdge(parent, side, child);
      this.#release(node);
      if (child !== NONE) return;
    }
  }

  #allocate(): number {
    let node = this.#free;
    if (node !== NONE) {
      this.#free = this.#edges[node * 2] as number;
    } else {
      if (this.#top === this.#prefix.length) this.#grow();
      node = this.#top++;
    }
    this.#rules[node] = 0;
    this.#edges[node * 2] = NONE;
    this.#edges[node * 2 + 1] = NONE;
    return node;
  }

  #release(node: number): void {
    this.#edges[node * 2] = this.#free;
    this.#free = node;
  }

  #grow(): void {
    const size = Math.ceil(this.#prefix.length * 1.5);
    const widen = <T extends Uint32Array | Uint8Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    this.#prefix = widen(this.#prefix, new Uint32Array(size));
    this.#bits = widen(this.#bits, new Uint8Array(size));
    this.#rules = widen(this.#rules, new Uint32Array(size));
    this.#edges = widen(this.#edges, new Uint32Array(size * 2));
  }
}
