// Reads V8 heap snapshots and says which constructors hold the memory of a connection: own bytes and bytes that would
// go with them (dominated), as the difference between two snapshots of one process, and by what they are held.
// Snapshot format: node_fields and edge_fields name the columns of two flat integer arrays.
import { readFileSync } from 'node:fs';

const NO_NODE = -1;

/**
 * @typedef {object} ConstructorShare
 * @property {string} name
 * @property {number} count
 * @property {number} ownBytes
 * @property {number} dominatedBytes what would go with them; an object inside another of the same name counts once
 * @property {string} heldBy the most frequent way to one of them, "Constructor.field"
 */

/**
 * @param {string} earlier
 * @param {string} later
 * @returns {ConstructorShare[]} differences between the two, most own bytes first
 */
export function compareSnapshots(earlier, later) {
  const before = new Map(sharesOf(earlier).map((share) => [share.name, share]));
  return sharesOf(later)
    .map((share) => {
      const { count = 0, ownBytes = 0, dominatedBytes = 0 } = before.get(share.name) ?? {};
      return {
        ...share,
        count: share.count - count,
        ownBytes: share.ownBytes - ownBytes,
        dominatedBytes: share.dominatedBytes - dominatedBytes,
      };
    })
    .filter(({ count, ownBytes }) => count !== 0 || ownBytes !== 0)
    .toSorted((a, b) => b.ownBytes - a.ownBytes);
}

/** @param {string} file */
function sharesOf(file) {
  const graph = new HeapGraph(JSON.parse(readFileSync(file, 'utf8')));
  return graph.shares();
}

class HeapGraph {
  #strings;
  #nodes;
  /** @type {string[]} */
  #types;
  #nodeType;
  #nodeName;
  #nodeSize;
  /** Edges of node n: from firstEdge[n] up to firstEdge[n + 1]. */
  #firstEdge;
  #edgeTarget;
  #edgeLabel;
  #isWeak;

  /** @param {{ snapshot: { meta: Record<string, any>, node_count: number, edge_count: number }, nodes: number[], edges: number[], strings: string[] }} snapshot */
  constructor({ snapshot, nodes, edges, strings }) {
    const { meta, node_count: nodeCount, edge_count: edgeCount } = snapshot;
    /** @type {string[]} */
    const nodeFields = meta.node_fields;
    /** @type {string[]} */
    const edgeFields = meta.edge_fields;
    const [edgeTypes] = meta.edge_types;
    this.#strings = strings;
    this.#nodes = nodeCount;
    [this.#types] = meta.node_types;
    /** @param {string} field */
    const column = (field) => {
      const at = nodeFields.indexOf(field);
      return Int32Array.from({ length: nodeCount }, (_, node) => nodes[node * nodeFields.length + at]);
    };
    this.#nodeType = column('type');
    this.#nodeName = column('name');
    this.#nodeSize = column('self_size');
    const edgeCounts = column('edge_count');
    this.#firstEdge = new Int32Array(nodeCount + 1);
    for (let node = 0; node < nodeCount; node++)
      this.#firstEdge[node + 1] = this.#firstEdge[node] + edgeCounts[node];
    this.#edgeTarget = new Int32Array(edgeCount);
    this.#edgeLabel = /** @type {string[]} */ (Array.from({ length: edgeCount }));
    this.#isWeak = new Uint8Array(edgeCount);
    const typeAt = edgeFields.indexOf('type');
    const nameAt = edgeFields.indexOf('name_or_index');
    const targetAt = edgeFields.indexOf('to_node');
    for (let edge = 0; edge < edgeCount; edge++) {
      const at = edge * edgeFields.length;
      const type = edgeTypes[edges[at + typeAt]];
      this.#edgeTarget[edge] = edges[at + targetAt] / nodeFields.length;
      this.#isWeak[edge] = type === 'weak' ? 1 : 0;
      this.#edgeLabel[edge] =
        type === 'element' || type === 'hidden' ? '[]' : `.${strings[edges[at + nameAt]]}`;
    }
  }

  shares() {
    const { nodes, parent, edgeFromParent } = this.#nearest();
    const { above, reversePostorder } = this.#dominators();
    const dominator = new Int32Array(this.#nodes).fill(NO_NODE);
    const dominatedBytes = Float64Array.from(this.#nodeSize);
    for (let at = above.length - 1; at > 0; at--) {
      const node = reversePostorder[at];
      dominator[node] = reversePostorder[above[at]];
      dominatedBytes[dominator[node]] += dominatedBytes[node];
    }
    const names = nodes.map((node) => this.#groupOf(node, parent[node], edgeFromParent[node]));
    const nameOf = /** @type {string[]} */ (Array.from({ length: this.#nodes }));
    for (const [at, node] of nodes.entries()) nameOf[node] = names[at];
    /** @type {Map<string, ConstructorShare & { ways: Map<string, number> }>} */
    const shares = new Map();
    for (const node of nodes) {
      const name = nameOf[node];
      let share = shares.get(name);
      if (!share) {
        share = { name, count: 0, ownBytes: 0, dominatedBytes: 0, heldBy: '', ways: new Map() };
        shares.set(name, share);
      }
      share.count++;
      share.ownBytes += this.#nodeSize[node];
      if (dominator[node] === NO_NODE || nameOf[dominator[node]] !== name)
        share.dominatedBytes += dominatedBytes[node];
      if (parent[node] === NO_NODE) continue;
      const way = this.#wayTo(parent[node], edgeFromParent[node]);
      share.ways.set(way, (share.ways.get(way) ?? 0) + 1);
    }
    return Array.from(shares.values(), ({ ways, ...share }) => ({
      ...share,
      heldBy: [...ways].toSorted((a, b) => b[1] - a[1])[0]?.[0] ?? '',
    }));
  }

  /**
   * What has no constructor of its own is told apart by what holds it.
   * @param {number} node
   * @param {number} parent
   * @param {number} edge
   */
  #groupOf(node, parent, edge) {
    const type = this.#types[this.#nodeType[node]];
    const name = this.#strings[this.#nodeName[node]];
    const isNameless = name === 'Object' || name === 'Array';
    if ((type === 'object' || type === 'native') && !(isNameless && parent !== NO_NODE)) return name;
    if (type === 'closure') return `function ${name || '(anonymous)'}`;
    const isPlain =
      type === 'string' || type === 'concatenated string' || type === 'sliced string' || type === 'code';
    if (isPlain || parent === NO_NODE) return `(${type})`;
    return `${isNameless ? name : `(${type})`} ${this.#wayTo(parent, edge)}`;
  }

  /**
   * @param {number} parent
   * @param {number} edge
   */
  #wayTo(parent, edge) {
    const type = this.#types[this.#nodeType[parent]];
    const name = this.#strings[this.#nodeName[parent]];
    // The names of strings and arrays are content or empty.
    const holder =
      type === 'object' || type === 'native' || type === 'hidden'
        ? name
        : `(${type}) ${type === 'closure' ? name : ''}`;
    return `${holder.trim()}${this.#edgeLabel[edge]}`;
  }

  /** Breadth first from the root: what can be reached, nearest first, and by which edge it was found. */
  #nearest() {
    const parent = new Int32Array(this.#nodes).fill(NO_NODE);
    const edgeFromParent = new Int32Array(this.#nodes).fill(NO_NODE);
    const isSeen = new Uint8Array(this.#nodes);
    const nodes = [0];
    isSeen[0] = 1;
    for (let at = 0; at < nodes.length; at++) {
      const node = nodes[at];
      for (let edge = this.#firstEdge[node]; edge < this.#firstEdge[node + 1]; edge++) {
        const target = this.#edgeTarget[edge];
        if (isSeen[target] || this.#isWeak[edge]) continue;
        isSeen[target] = 1;
        parent[target] = node;
        edgeFromParent[target] = edge;
        nodes.push(target);
      }
    }
    return { nodes, parent, edgeFromParent };
  }

  /**
   * Who dominates whom, by the iteration of Cooper, Harvey and Kennedy ("A Simple, Fast Dominance Algorithm", 2001).
   * @returns {{ above: Int32Array, reversePostorder: Int32Array }}
   */
  #dominators() {
    const reversePostorder = this.#postorder().toReversed();
    const rank = new Int32Array(this.#nodes).fill(NO_NODE);
    for (const [at, node] of reversePostorder.entries()) rank[node] = at;
    // By rank from here on: a dominator always has a lower one.
    const above = new Int32Array(reversePostorder.length).fill(NO_NODE);
    above[0] = 0;
    const { firstEdge, source } = this.#incoming(rank);
    for (let hasChanged = true; hasChanged; ) {
      hasChanged = false;
      for (let at = 1; at < above.length; at++) {
        let common = NO_NODE;
        for (let edge = firstEdge[at]; edge < firstEdge[at + 1]; edge++) {
          let other = source[edge];
          if (above[other] === NO_NODE) continue;
          if (common === NO_NODE) {
            common = other;
            continue;
          }
          while (common !== other) {
            if (common > other) common = above[common];
            else other = above[other];
          }
        }
        if (above[at] === common) continue;
        above[at] = common;
        hasChanged = true;
      }
    }
    return { above, reversePostorder };
  }

  /** @returns {Int32Array} */
  #postorder() {
    const next = this.#firstEdge.slice(0, this.#nodes);
    const isSeen = new Uint8Array(this.#nodes);
    const stack = [0];
    const done = [];
    isSeen[0] = 1;
    while (stack.length > 0) {
      const node = stack[stack.length - 1];
      if (next[node] === this.#firstEdge[node + 1]) {
        done.push(node);
        stack.pop();
        continue;
      }
      const edge = next[node]++;
      const target = this.#edgeTarget[edge];
      if (isSeen[target] || this.#isWeak[edge]) continue;
      isSeen[target] = 1;
      stack.push(target);
    }
    return Int32Array.from(done);
  }

  /**
   * The edges turned around, by rank.
   * @param {Int32Array} rank
   */
  #incoming(rank) {
    const firstEdge = new Int32Array(this.#nodes + 1);
    /** @param {(from: number, to: number) => void} visit */
    const each = (visit) => {
      for (let node = 0; node < this.#nodes; node++) {
        if (rank[node] === NO_NODE) continue;
        for (let edge = this.#firstEdge[node]; edge < this.#firstEdge[node + 1]; edge++) {
          if (!this.#isWeak[edge]) visit(rank[node], rank[this.#edgeTarget[edge]]);
        }
      }
    };
    each((_, to) => firstEdge[to + 1]++);
    for (let at = 0; at < this.#nodes; at++) firstEdge[at + 1] += firstEdge[at];
    const free = firstEdge.slice();
    const source = new Int32Array(firstEdge[this.#nodes]);
    each((from, to) => {
      source[free[to]++] = from;
    });
    return { firstEdge, source };
  }
}
