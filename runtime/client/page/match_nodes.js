// Which node of one tree is which of another.

import { children, descendants, isElement, zip } from "./traversal.js";

/** More comparisons than this are not worth the moves that they save. */
const COMPARISONS_MAX = 1 << 22;

/**
 * Finds what is the same in two trees. Their roots are the same, whatever their tags. Below them it is first what has a name or looks the same and is the only one of its
 * kind, wherever it is; then, among the children of two that are the same, what is alike.
 *
 * @param {Element} old
 * @param {Element} next
 * @returns {{ twins: Map<Node, Node>, equal: Set<Node> }} the node of `old` by the one of `next`; and nodes of
 *   `next` in which nothing differs
 */
export function match(old, next) {
  /** @type {Map<Node, Node>} */
  const twins = new Map();
  /** @type {Set<Node>} */
  const equal = new Set();
  const html = cached((node) => (isElement(node) ? node.outerHTML : `${node.nodeType} ${node.nodeValue}`));
  const bare = cached((node) => (isElement(node) ? html(node.cloneNode(false)) : html(node)));
  const words = cached((node) => (node.textContent?.trim() ? `${kin(node)} ${node.textContent}` : html(node)));
  const partners = unique(old, next, html);
  const partnered = new Set(partners.values());
  const levels = [html, words, bare, kin].map((look) => (/** @type {Node} */ a, /** @type {Node} */ b) => {
    const isFree = !partnered.has(a) && !partners.has(b);
    return isFree ? look(a) === look(b) : partners.get(b) === a;
  });

  pair(old, next);
  return { twins, equal };

  /**
   * @param {Node} old
   * @param {Node} next
   */
  function pair(old, next) {
    // What is in a template does not count for `isEqualNode`.
    if (html(old) === html(next) && old.isEqualNode(next)) {
      equal.add(next);
      return zip(next, old, twins);
    }
    twins.set(next, old);
    const [olds, news] = [children(old), children(next)];
    align(olds.filter(isSolid), news.filter(isSolid), levels);
    pairBlank(olds[0], news[0]);
    for (const child of news) {
      const twin = twins.get(child);
      if (!twin) find(child);
      else if (twin.parentNode === olds[0]?.parentNode) pairBlank(twin.nextSibling, child.nextSibling);
    }
  }

  /**
   * Blank text goes with what it follows. As a thing of its own it would be like any other.
   *
   * @param {Node | null | undefined} old
   * @param {Node | null | undefined} next
   */
  function pairBlank(old, next) {
    if (old && next && !isSolid(old) && !isSolid(next)) twins.set(next, old);
  }

  /**
   * Pairs what is alike, in order; and then, between these pairs, what is less alike.
   *
   * @param {Node[]} olds
   * @param {Node[]} news
   * @param {((a: Node, b: Node) => boolean)[]} levels
   */
  function align(olds, news, [same, ...looser]) {
    if (!same || !olds.length || !news.length) return;
    let [i, j] = [0, 0];
    for (const [a, b] of common(olds, news, same)) {
      align(olds.slice(i, a), news.slice(j, b), looser);
      pair(/** @type {Node} */ (olds[a]), /** @type {Node} */ (news[b]));
      [i, j] = [a + 1, b + 1];
    }
    align(olds.slice(i), news.slice(j), looser);
  }

  /**
   * Looks in what is new for what has been elsewhere.
   *
   * @param {Node} next
   */
  function find(next) {
    const partner = partners.get(next);
    if (partner) pair(partner, next);
    else children(next).forEach(find);
  }
}

/**
 * Finds elements that are one of a kind in both trees, by their names, or else by their looks.
 *
 * @param {Element} old
 * @param {Element} next
 * @param {(node: Node) => string} html
 * @returns {Map<Node, Node>} the one of `old` by the one of `next`
 */
function unique(old, next, html) {
  const [olds, news] = differing(old, next).map((nodes) => {
    /** @type {Map<string, Element | null>} */
    const found = new Map();
    for (const node of nodes) {
      // Options look alike from one select to the next.
      if (!isElement(node) || node.nodeName === "OPTION") continue;
      const key = name(node) ? `${node.localName} ${name(node)}` : html(node);
      found.set(key, found.has(key) ? null : node);
    }
    return found;
  });
  /** @type {Map<Node, Node>} */
  const partners = new Map();
  for (const [key, node] of news ?? []) {
    const partner = olds?.get(key);
    if (node && partner) partners.set(node, partner);
  }
  return partners;
}

/**
 * Returns what lies in the parts of two trees that are not plainly the same. Most edits are small, and pages
 * may be large.
 *
 * @param {Node} old
 * @param {Node} next
 * @returns {Node[][]}
 */
function differing(old, next) {
  const [olds, news] = [children(old), children(next)];
  const isSame = (/** @type {Node | undefined} */ a, /** @type {Node | undefined} */ b) => a && b && a.isEqualNode(b);
  while (isSame(olds[0], news[0])) [olds, news].forEach((list) => list.shift());
  while (isSame(olds.at(-1), news.at(-1))) [olds, news].forEach((list) => list.pop());
  const [[a, ...as], [b, ...bs]] = [olds, news];
  if (a && b && !as.length && !bs.length && a.nodeName === b.nodeName) {
    const [inOld, inNew] = differing(a, b);
    return [[a, ...(inOld ?? [])], [b, ...(inNew ?? [])]];
  }
  return [olds, news].map((list) => list.flatMap((node) => [node, ...descendants(node)]));
}

/**
 * Returns pairs of places with the same on both sides, in order and as many as there can be.
 *
 * @template T
 * @param {T[]} a
 * @param {T[]} b
 * @param {(a: T, b: T) => boolean} same
 * @returns {[number, number][]}
 */
export function common(a, b, same) {
  const is = (/** @type {number} */ i, /** @type {number} */ j) => same(/** @type {T} */ (a[i]), /** @type {T} */ (b[j]));
  /** @type {[number, number][]} */
  const head = [];
  /** @type {[number, number][]} */
  const middle = [];
  /** @type {[number, number][]} */
  const tail = [];
  let [start, aEnd, bEnd] = [0, a.length, b.length];
  while (start < Math.min(aEnd, bEnd) && is(start, start)) head.push([start, start++]);
  while (Math.min(aEnd, bEnd) > start && is(aEnd - 1, bEnd - 1)) tail.unshift([--aEnd, --bEnd]);

  const [rows, columns] = [aEnd - start, bEnd - start];
  if (rows * columns > COMPARISONS_MAX) {
    for (let i = start; i < Math.min(aEnd, bEnd); i++) if (is(i, i)) middle.push([i, i]);
    return [...head, ...middle, ...tail];
  }
  // How many pairs there are from a place in `a` and one in `b` to the ends.
  const width = columns + 1;
  const pairs = new Uint16Array((rows + 1) * width);
  const at = (/** @type {number} */ i, /** @type {number} */ j) => Number(pairs[i * width + j]);
  for (let i = rows - 1; i >= 0; i--) {
    for (let j = columns - 1; j >= 0; j--) {
      pairs[i * width + j] = is(start + i, start + j) ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  for (let i = 0, j = 0; i < rows && j < columns; ) {
    if (is(start + i, start + j)) middle.push([start + i++, start + j++]);
    else if (at(i + 1, j) >= at(i, j + 1)) i++;
    else j++;
  }
  return [...head, ...middle, ...tail];
}

/** What a page's script knows an element by. @param {Element} element */
function name(element) {
  return element.id ? `#${element.id}` : element.getAttribute("p-ref");
}

/** What two nodes must share for one to become the other. @param {Node} node */
function kin(node) {
  if (!isElement(node)) return String(node.nodeType);
  const { namespaceURI, nodeName } = node;
  const look = [namespaceURI, nodeName];
  // What was typed into one field does not belong into another.
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(nodeName)) look.push(name(node), node.getAttribute("type"), node.getAttribute("name"));
  // A file has been loaded, and is the same under another hash.
  if (/^(LINK|SCRIPT)$/.test(nodeName)) look.push(plainAddress(node.getAttribute("href") ?? node.getAttribute("src")));
  return look.join(" ");
}

/**
 * Returns the address of a file without the hash in it: that of `/pages/0123abcd/a.css`, or of `/a.0123abcd.css`.
 *
 * @param {string | null} address
 */
export function plainAddress(address) {
  return address?.replace(/\/[0-9a-f]{8,}\//, "/").replace(/[.-][0-9a-f]{8,}(\.\w+)$/, "$1") ?? null;
}

/** Whether there is more to it than blank text. @param {Node} node */
function isSolid(node) {
  return node.nodeType !== Node.TEXT_NODE || node.nodeValue?.trim() !== "";
}

/** @param {(node: Node) => string} make */
function cached(make) {
  /** @type {WeakMap<Node, string>} */
  const known = new WeakMap();
  return (/** @type {Node} */ node) => {
    const text = known.get(node) ?? make(node);
    known.set(node, text);
    return text;
  };
}
