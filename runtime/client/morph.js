// Makes a tree of the page follow what the server sends, with the nodes that are there: what has the focus, was
// typed, scrolled to or opened stays, since nothing that is the same is touched.

/**
 * Says which node of the page a node of the older tree is; `undefined` if the page has none for it.
 *
 * @typedef {(node: Node) => Node | undefined} Find
 */

/** Pairs of children that are compared, at most. Longer lists are walked in step. */
const PAIRS_MAX = 250_000;

/**
 * A tree as the server sent it, and the node of the page for each of its nodes.
 *
 * The page's scripts fill lists, show and hide, set texts. A new version of a template says nothing about that:
 * only where the server's own text differs from what it sent before does the page change.
 */
export class Served {
  #tree;
  /** @type {WeakMap<Node, Node>} */
  #live = new WeakMap();

  /** @param {Element} live is taken as the server sent it */
  constructor(live) {
    this.#tree = live.cloneNode(true);
    pair(this.#tree, live, this.#live);
  }

  /**
   * Changes the page where `next` differs from what was sent before.
   *
   * @param {Element} next
   */
  follow(next) {
    const known = this.#live;
    /** @type {WeakMap<Node, Node>} */
    const live = new WeakMap();
    keepFocus(() => patch(this.#tree, next, { find: (node) => known.get(node), live, isServed: true }));
    this.#tree = next;
    this.#live = live;
  }
}

/**
 * Makes `live` the same as `next`, whoever changed it since it was sent. What was typed stays, and what is open.
 *
 * @param {Element} live
 * @param {Element} next
 */
export function morph(live, next) {
  keepFocus(() => patch(live, next, { find: (node) => node, live: new WeakMap(), isServed: false }));
}

/**
 * @typedef {object} Work
 * @property {Find} find
 * @property {WeakMap<Node, Node>} live gets the node of the page for each node of the new tree
 * @property {boolean} isServed whether the older tree is one that the server sent, and not the page itself
 */

/**
 * Brings the page's node for `before` to `next`.
 *
 * @param {Node} before
 * @param {Node} next
 * @param {Work} work
 */
function patch(before, next, work) {
  const live = work.find(before);
  if (live === undefined) return;
  work.live.set(next, live);
  if (before instanceof CharacterData && next instanceof CharacterData) {
    if (before.data !== next.data) /** @type {CharacterData} */ (live).data = next.data;
    return;
  }
  if (!(before instanceof Element && next instanceof Element && live instanceof Element)) return;
  patchAttributes(before, next, live, work);
  if (next.localName === "template") {
    // Its content is a tree beside the page, which nobody looks at.
    if (!before.isEqualNode(next)) live.innerHTML = next.innerHTML;
    return;
  }
  patchChildren(before, next, live, work);
}

/**
 * @param {Element} before
 * @param {Element} next
 * @param {Element} live
 * @param {Work} work
 */
function patchAttributes(before, next, live, { isServed }) {
  const isOpened = (/** @type {string} */ name) =>
    !isServed && name === "open" && (live.localName === "dialog" || live.localName === "details");
  for (const { name, value, namespaceURI } of [...next.attributes]) {
    if (before.getAttribute(name) !== value) live.setAttributeNS(namespaceURI, name, value);
  }
  for (const { name } of [...before.attributes]) {
    if (!next.hasAttribute(name) && !isOpened(name)) live.removeAttribute(name);
  }
}

/**
 * @param {Element} before
 * @param {Element} next
 * @param {Element} live
 * @param {Work} work
 */
function patchChildren(before, next, live, work) {
  const { stays, moves, goes } = compare([...before.childNodes], [...next.childNodes]);
  for (const node of goes) {
    const gone = work.find(node);
    if (gone !== undefined) gone.parentNode?.removeChild(gone);
  }
  /** The last node that is in its place. @type {Node | null} */
  let last = null;
  for (const node of [...next.childNodes]) {
    const after = /** @type {Node | null} */ (last === null ? live.firstChild : last.nextSibling);
    const older = stays.get(node) ?? moves.get(node);
    if (older === undefined) {
      const made = document.importNode(node, true);
      pair(node, made, work.live);
      live.insertBefore(made, after);
      last = made;
      continue;
    }
    const known = work.find(older);
    // A script may have put it elsewhere, or away; then that is where it stays.
    if (known?.parentNode === live) {
      if (moves.has(node)) move(live, known, after);
      last = known;
    }
    patch(older, node, work);
  }
}

/**
 * @param {Element} parent
 * @param {Node} node
 * @param {Node | null} before
 */
function move(parent, node, before) {
  if (node === before) return;
  // Keeps the focus, and what plays; newer browsers have it.
  const mover = /** @type {{ moveBefore?: (node: Node, before: Node | null) => void }} */ (parent);
  if (mover.moveBefore) mover.moveBefore(node, before);
  else parent.insertBefore(node, before);
}

/**
 * Finds out which of the older children the newer ones are.
 *
 * @param {Node[]} before
 * @param {Node[]} next
 */
function compare(before, next) {
  /** In the same order as before. @type {Map<Node, Node>} */
  const stays = new Map();
  /** @type {Map<Node, Node>} */
  const moves = new Map();
  let start = 0;
  let [beforeEnd, nextEnd] = [before.length, next.length];
  const same = (/** @type {number} */ i, /** @type {number} */ j) => {
    const [older, newer] = [before[i], next[j]];
    const isSame = older && newer && (older.isEqualNode(newer) || score(older, newer) >= SAME);
    if (isSame) stays.set(newer, older);
    return isSame;
  };
  while (same(start, start)) start++;
  while (beforeEnd > start && nextEnd > start && same(beforeEnd - 1, nextEnd - 1)) [beforeEnd, nextEnd] = [beforeEnd - 1, nextEnd - 1];
  for (const [older, newer] of align(before.slice(start, beforeEnd), next.slice(start, nextEnd))) {
    stays.set(newer, older);
  }
  const taken = new Set(stays.values());
  /** Names of those that are still to be found. @type {Map<string, Node>} */
  const named = new Map();
  for (const node of before) {
    const name = nameOf(node);
    if (name !== undefined && !taken.has(node)) named.set(name, node);
  }
  for (const node of next) {
    const name = stays.has(node) ? undefined : nameOf(node);
    const older = name === undefined ? undefined : named.get(name);
    if (older === undefined || name === undefined) continue;
    named.delete(name);
    moves.set(node, older);
    taken.add(older);
  }
  return { stays, moves, goes: before.filter((node) => !taken.has(node)) };
}

/**
 * Pairs two lists in order, so that the pairs together are as alike as they can be.
 *
 * @param {Node[]} before
 * @param {Node[]} next
 * @returns {[Node, Node][]}
 */
function align(before, next) {
  /** @type {[Node, Node][]} */
  const pairs = [];
  if (before.length * next.length > PAIRS_MAX) {
    before.forEach((older, index) => {
      const newer = next[index];
      if (newer !== undefined && score(older, newer) > 0) pairs.push([older, newer]);
    });
    return pairs;
  }
  const scores = before.map((older) => next.map((newer) => score(older, newer)));
  /** The best sum from here to the end of both. */
  const sums = Array.from({ length: before.length + 1 }, () => new Float64Array(next.length + 1));
  const sum = (/** @type {number} */ i, /** @type {number} */ j) => sums[i]?.[j] ?? 0;
  const paired = (/** @type {number} */ i, /** @type {number} */ j) => {
    const here = scores[i]?.[j] ?? 0;
    return here > 0 ? here + sum(i + 1, j + 1) : -1;
  };
  sums.forEach((_, index) => {
    const i = before.length - 1 - index;
    for (let j = next.length - 1; i >= 0 && j >= 0; j--) {
      const row = sums[i] ?? sums[0];
      if (row) row[j] = Math.max(paired(i, j), sum(i + 1, j), sum(i, j + 1));
    }
  });
  for (let [i, j] = [0, 0]; i < before.length && j < next.length; ) {
    const [older, newer] = [before[i], next[j]];
    if (older && newer && sum(i, j) === paired(i, j)) {
      pairs.push([older, newer]);
      [i, j] = [i + 1, j + 1];
    } else if (sum(i, j) === sum(i + 1, j)) i++;
    else j++;
  }
  return pairs;
}

/** The score of two nodes with all that they hold alike. */
const SAME = 4;

/**
 * Says how much one node may be a newer version of the other; 0 if it cannot be.
 *
 * @param {Node} before
 * @param {Node} next
 */
function score(before, next) {
  if (before.nodeType !== next.nodeType || before.nodeName !== next.nodeName) return 0;
  const [name, other] = [nameOf(before), nameOf(next)];
  if (name !== other) return 0;
  if (name !== undefined) return 2 * SAME;
  if (before.isEqualNode(next)) return before.textContent?.trim() === "" && !(before instanceof Element) ? 1 : SAME;
  if (before instanceof Element && next instanceof Element && before.className === next.className) return 2;
  return 1;
}

/** What names an element among its siblings, the strongest first. */
const NAMES = ["id", "p-ref", "p-part", "data-key", "name", "href", "src"];

/**
 * @param {Node} node
 * @returns {string | undefined}
 */
function nameOf(node) {
  if (!(node instanceof Element)) return undefined;
  if (node.localName === "option") return `value=${node.getAttribute("value") ?? node.textContent}`;
  for (const name of NAMES) {
    const value = node.getAttribute(name);
    // Buttons and radios share a name.
    const own = name === "name" ? node.getAttribute("value") ?? "" : "";
    // The address of a page's file holds a hash of its content, but is the same file.
    if (value) return `${node.localName} ${name}=${value.replace(/\/pages\/[0-9a-f]+\//, "/")} ${own}`;
  }
  return undefined;
}

/**
 * Notes for each node of a tree the same one of its copy.
 *
 * @param {Node} tree
 * @param {Node} copy
 * @param {WeakMap<Node, Node>} live
 */
function pair(tree, copy, live) {
  live.set(tree, copy);
  const [nodes, copies] = [tree.childNodes, copy.childNodes];
  nodes.forEach((node, index) => {
    const other = copies[index];
    if (other !== undefined) pair(node, other, live);
  });
}

/**
 * Gives the focus and the caret back to the element that had it, should it have been moved.
 *
 * @param {() => void} change
 */
function keepFocus(change) {
  const focused = /** @type {HTMLElement & Partial<HTMLInputElement> | null} */ (document.activeElement);
  const [start, end] = [focused?.selectionStart, focused?.selectionEnd];
  change();
  if (!focused?.isConnected || document.activeElement === focused) return;
  focused.focus({ preventScroll: true });
  if (typeof start === "number" && typeof end === "number") focused.setSelectionRange?.(start, end);
}
