// Matches the nodes of two trees: which node of the old tree becomes which node of the new one.

import { children, descendants, isElement, mapNodes } from "./traversal.js";

/** With more comparisons than this, the time costs more than the moves that they save. */
const COMPARISONS_MAX = 1 << 22;

/**
 * Matches the nodes of two trees. The two roots always match, even with different tags. Elements match first by a
 * unique name or by unique HTML, wherever they are in the trees; then the children of matched elements match by
 * similarity, in order.
 *
 * @param {Element} old
 * @param {Element} next
 * @returns {{ matches: Map<Node, Node>, equal: Set<Node> }} the node of `old` by the node of `next`; and the nodes of
 *   `next` that are equal to their match with all descendants
 */
export function matchNodes(old, next) {
  /** @type {Map<Node, Node>} */
  const matches = new Map();
  /** @type {Set<Node>} */
  const equal = new Set();
  const html = cached((node) => (isElement(node) ? node.outerHTML : `${node.nodeType} ${node.nodeValue}`));
  const bare = cached((node) => (isElement(node) ? html(node.cloneNode(false)) : html(node)));
  const text = cached((node) => (node.textContent?.trim() ? `${kind(node)} ${node.textContent}` : html(node)));
  const uniqueMatches = uniqueElements(old, next, html);
  const uniquelyMatched = new Set(uniqueMatches.values());
  const levels = [html, text, bare, kind].map((key) => (/** @type {Node} */ a, /** @type {Node} */ b) => {
    const isFree = !uniquelyMatched.has(a) && !uniqueMatches.has(b);
    return isFree ? key(a) === key(b) : uniqueMatches.get(b) === a;
  });

  matchPair(old, next);
  return { matches, equal };

  /**
   * Matches two nodes, and then their children.
   *
   * @param {Node} old
   * @param {Node} next
   */
  function matchPair(old, next) {
    // `isEqualNode` ignores the content of templates; the HTML includes it.
    if (html(old) === html(next) && old.isEqualNode(next)) {
      equal.add(next);
      return mapNodes(next, old, matches);
    }
    matches.set(next, old);
    const [olds, news] = [children(old), children(next)];
    align(olds.filter(isNotBlank), news.filter(isNotBlank), levels);
    matchBlank(olds[0], news[0]);
    for (const child of news) {
      const match = matches.get(child);
      if (!match) matchMoved(child);
      else if (match.parentNode === olds[0]?.parentNode) matchBlank(match.nextSibling, child.nextSibling);
    }
  }

  /**
   * Matches blank text with the blank text after the same node. Any two blank texts are equal, so they do not match by
   * similarity.
   *
   * @param {Node | null | undefined} old
   * @param {Node | null | undefined} next
   */
  function matchBlank(old, next) {
    if (old && next && !isNotBlank(old) && !isNotBlank(next)) matches.set(next, old);
  }

  /**
   * Matches similar nodes in order; then, between these matches, less similar ones.
   *
   * @param {Node[]} olds
   * @param {Node[]} news
   * @param {((a: Node, b: Node) => boolean)[]} levels
   */
  function align(olds, news, [isSame, ...looser]) {
    if (!isSame || !olds.length || !news.length) return;
    let [i, j] = [0, 0];
    for (const [a, b] of commonSubsequence(olds, news, isSame)) {
      align(olds.slice(i, a), news.slice(j, b), looser);
      matchPair(/** @type {Node} */ (olds[a]), /** @type {Node} */ (news[b]));
      [i, j] = [a + 1, b + 1];
    }
    align(olds.slice(i), news.slice(j), looser);
  }

  /**
   * Matches elements in a new node that were elsewhere in the old tree.
   *
   * @param {Node} next
   */
  function matchMoved(next) {
    const old = uniqueMatches.get(next);
    if (old) matchPair(old, next);
    else children(next).forEach(matchMoved);
  }
}

/**
 * Finds elements that are unique in both trees: by name, or without one by HTML.
 *
 * @param {Element} old
 * @param {Element} next
 * @param {(node: Node) => string} html
 * @returns {Map<Node, Node>} the element of `old` by the element of `next`
 */
function uniqueElements(old, next, html) {
  const [olds, news] = differing(old, next).map((nodes) => {
    /** Null if a key occurs more than once. @type {Map<string, Element | null>} */
    const byKey = new Map();
    for (const node of nodes) {
      // Different selects often have equal options.
      if (!isElement(node) || node.nodeName === "OPTION") continue;
      const key = name(node) ? `${node.localName} ${name(node)}` : html(node);
      byKey.set(key, byKey.has(key) ? null : node);
    }
    return byKey;
  });
  /** @type {Map<Node, Node>} */
  const found = new Map();
  for (const [key, node] of news ?? []) {
    const old = olds?.get(key);
    if (node && old) found.set(node, old);
  }
  return found;
}

/**
 * Returns the nodes in those parts of two trees that differ. Most edits are small, and pages may be large.
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
 * Returns a longest common subsequence of two lists, as pairs of indexes.
 *
 * @template T
 * @param {T[]} a
 * @param {T[]} b
 * @param {(a: T, b: T) => boolean} same
 * @returns {[number, number][]}
 */
export function commonSubsequence(a, b, same) {
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
  // The length of the longest common subsequence from an index in `a` and one in `b` to the ends.
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

/** Returns the name by which scripts find an element. @param {Element} element */
function name(element) {
  return element.id ? `#${element.id}` : element.getAttribute("p-ref");
}

/** Returns what two nodes must have in common to match. @param {Node} node */
function kind(node) {
  if (!isElement(node)) return String(node.nodeType);
  const { namespaceURI, nodeName } = node;
  const parts = [namespaceURI, nodeName, node.getAttribute("p-key")];
  // The text typed into one field must not appear in another.
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(nodeName)) parts.push(name(node), node.getAttribute("type"), node.getAttribute("name"));
  // The same file may have another hash in its URL; it is loaded already.
  if (/^(LINK|SCRIPT)$/.test(nodeName)) parts.push(unhashedUrl(node.getAttribute("href") ?? node.getAttribute("src")));
  return parts.join(" ");
}

/**
 * Returns the URL of a file without its hash: of `/pages/0123abcd/a.css` or of `/a.0123abcd.css`.
 *
 * @param {string | null} url
 */
export function unhashedUrl(url) {
  return url?.replace(/\/[0-9a-f]{8,}\//, "/").replace(/[.-][0-9a-f]{8,}(\.\w+)$/, "$1") ?? null;
}

/** Returns whether a node is more than blank text. @param {Node} node */
function isNotBlank(node) {
  return node.nodeType !== Node.TEXT_NODE || node.nodeValue?.trim() !== "";
}

/** Caches a text for each node. @param {(node: Node) => string} make */
function cached(make) {
  /** @type {WeakMap<Node, string>} */
  const known = new WeakMap();
  return (/** @type {Node} */ node) => {
    const text = known.get(node) ?? make(node);
    known.set(node, text);
    return text;
  };
}
