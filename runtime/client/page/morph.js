// Morphs live nodes: they become what the server sends, with as few changes as possible.
//
// There are three trees: the tree that the server sent before, the one that it sends now, and the live tree, which scripts
// and the user have changed since. The differences between the first two are applied to the live tree; everything else in
// it stays. If the tree that was sent before is a copy of the live tree, the live tree becomes equal to the new one.
//
// The server may send what a script has made in the meantime: a list that the server renders and a script continues. An
// element with the `p-key` of one that a script has put in the same place is that one, and is not there twice.

import { commonSubsequence, matchNodes } from "./match_nodes.js";
import { children, container, descendants, isElement, mapNodes } from "./traversal.js";

/** The tree as the server sent it, with the live node of each of its nodes. */
export class Served {
  /** @type {Element} */
  tree;
  /** The live node of each node of `tree`. @type {Map<Node, Node>} */
  nodes = new Map();

  /** @param {Element} live the tree before scripts change it; it is copied */
  constructor(live) {
    this.tree = copy(live);
    mapNodes(this.tree, live, this.nodes);
  }

  /**
   * Copies a part of the live tree again: the server has just sent it.
   *
   * @param {Element} live
   */
  renew(live) {
    const old = [...this.nodes].find(([, node]) => node === live)?.[0];
    if (!old) return;
    for (const each of [old, ...descendants(old)]) this.nodes.delete(each);
    const tree = copy(live);
    if (old === this.tree) this.tree = tree;
    else /** @type {Element} */ (old).replaceWith(tree);
    mapNodes(tree, live, this.nodes);
  }

  /**
   * Notes that a live node was replaced by another one.
   *
   * @param {Node} live
   * @param {Node} other
   */
  replace(live, other) {
    for (const [node, known] of this.nodes) if (known === live) this.nodes.set(node, other);
  }
}

/**
 * Makes a live tree equal to `next`. Nodes that are in both trees stay, with their focus, caret, typed text and scroll
 * position. Open dialogs and details stay open.
 *
 * @param {Element} live
 * @param {Element} next
 * @returns {Element} `live`, or the element that replaces it if `next` has another tag
 */
export function morph(live, next) {
  const served = new Served(live);
  // As if the server had sent them closed: an open one then counts as opened by the user, and stays open.
  for (const element of served.tree.querySelectorAll("dialog, details")) element.removeAttribute("open");
  follow(served, next);
  return /** @type {Element} */ (served.nodes.get(next));
}

/**
 * Applies to a live tree what the server has changed between two versions. Changes by scripts and by the user stay,
 * except where the server has changed the same text.
 *
 * New scripts do not run: a page with new scripts must be loaded instead.
 *
 * @param {Served} served the version before; afterwards it holds `next`
 * @param {Element} next
 */
export function follow(served, next) {
  const { tree, nodes } = served;
  const live = /** @type {Element} */ (nodes.get(tree));
  const document = live.ownerDocument;
  const { matches, equal } = matchNodes(tree, next);
  /** The live node of each node of `next`. @type {Map<Node, Node>} */
  const now = new Map();
  /** Nodes that scripts have moved or removed: they stay where they are. @type {Set<Node>} */
  const moved = new Set();
  /** Nodes that the server no longer sends, except those below another one of them. @type {Set<Node>} */
  const gone = new Set();
  const stays = new Set(matches.values());
  const sent = new Set(nodes.values());
  for (const [old, node] of nodes) {
    for (const child of children(old)) {
      if (nodes.get(child)?.parentNode !== container(node)) moved.add(child);
      if (!stays.has(child) && (stays.has(old) || moved.has(child))) gone.add(child);
    }
  }

  keepFocus(document, () => {
    update(tree, next, tree.nodeName === next.nodeName ? live : retag(live, next));
    // Last, when the nodes in them that stay have moved out.
    for (const old of gone) /** @type {ChildNode | undefined} */ (nodes.get(old))?.remove();
  });
  served.tree = next;
  served.nodes = now;

  /**
   * @param {Node} old
   * @param {Node} next
   * @param {Node} live
   */
  function update(old, next, live) {
    now.set(next, live);
    if (equal.has(next)) {
      for (const each of descendants(next)) now.set(each, /** @type {Node} */ (nodes.get(/** @type {Node} */ (matches.get(each)))));
    } else if (isElement(old) && isElement(next) && isElement(live)) {
      const updateField = captureField(old, next, live);
      updateAttributes(old, next, live);
      if (updateText(old, next, live)) mapNodes(next, live, now);
      else children(next).forEach(place(old, next, container(live)));
      updateField?.();
    } else if (old.nodeValue !== next.nodeValue) {
      live.nodeValue = next.nodeValue;
    }
  }

  /**
   * Returns a function that puts one child after the other at its position.
   *
   * @param {Node | undefined} old
   * @param {Node} next
   * @param {Node} parent
   */
  function place(old, next, parent) {
    const before = new Map(old && children(old).map((child, index) => [child, index]));
    const index = (/** @type {Node} */ child) => before.get(/** @type {ChildNode} */ (matches.get(child)));
    const staying = children(next).filter((child) => index(child) !== undefined && !moved.has(/** @type {Node} */ (matches.get(child))));
    const inOrder = staying.toSorted((a, b) => Number(index(a)) - Number(index(b)));
    const unmoved = new Set(commonSubsequence(inOrder, staying, (a, b) => a === b).map(([, at]) => staying[at]));
    const first = staying.find((child) => unmoved.has(child));
    /** The node before the next child. @type {Node | undefined} */
    let last;

    return (/** @type {ChildNode} */ child) => {
      const match = matches.get(child);
      if (!match || moved.has(match)) {
        const twin = adopt(child, parent);
        // It stays where the script has put it.
        if (twin) return void (last = twin);
      }
      const node = match ? nodes.get(match) : create(child);
      if (!node) return;
      if (!match || !moved.has(match)) {
        const start = first ? nodes.get(/** @type {Node} */ (matches.get(first))) : parent.firstChild;
        if (!unmoved.has(child)) move(parent, node, last ? last.nextSibling : start);
        if (node.parentNode === parent) last = node;
      }
      if (match) update(match, child, node);
      // It was created without its children, since some of them are live already.
      else if (!now.has(child)) {
        now.set(child, node);
        children(child).forEach(place(undefined, child, container(node)));
      }
    };
  }

  /**
   * Returns the element that a script has made with the same key.
   *
   * @param {Node} next
   * @param {Node} parent
   */
  function adopt(next, parent) {
    const key = isElement(next) && next.getAttribute("p-key");
    if (!key) return undefined;
    const isTwin = (/** @type {Node} */ node) => node.nodeName === next.nodeName && /** @type {Element} */ (node).getAttribute("p-key") === key;
    const twin = children(parent).find((node) => !sent.has(node) && isTwin(node));
    if (twin && isAlike(next, twin)) mapNodes(next, twin, now);
    else if (twin) now.set(next, twin);
    return twin;
  }

  /**
   * Creates a live node, with its descendants if none of them is live already.
   *
   * @param {Node} next
   */
  function create(next) {
    const isWhole = !hasLiveDescendant(next);
    const node = document.importNode(next, isWhole);
    if (isWhole) mapNodes(next, node, now);
    return node;
  }

  /**
   * @param {Node} next
   * @returns {boolean}
   */
  function hasLiveDescendant(next) {
    return children(next).some((child) => matches.has(child) || hasLiveDescendant(child));
  }
}

/**
 * Returns whether two trees have the same kinds of nodes at the same positions.
 *
 * @param {Node} a
 * @param {Node} b
 * @returns {boolean}
 */
function isAlike(a, b) {
  const [as, bs] = [children(a), children(b)];
  return a.nodeName === b.nodeName && as.length === bs.length && as.every((child, index) => isAlike(child, /** @type {Node} */ (bs[index])));
}

/**
 * Applies changes of attributes.
 *
 * @param {Element} old
 * @param {Element} next
 * @param {Element} live
 */
function updateAttributes(old, next, live) {
  for (const name of new Set([...old.getAttributeNames(), ...next.getAttributeNames()])) {
    const [before, now] = [old.getAttribute(name), next.getAttributeNode(name)];
    if (before === (now?.value ?? null)) continue;
    if (name === "class") {
      live.classList.remove(...[...old.classList].filter((each) => !next.classList.contains(each)));
      live.classList.add(...[...next.classList].filter((each) => !old.classList.contains(each)));
      if (!now && !live.classList.length) live.removeAttribute(name);
    } else if (name === "open" && live instanceof HTMLDialogElement) {
      // A modal dialog leaves the top layer only by `close`.
      if (!now) live.close();
      else if (!live.open) live.show();
    } else if (now) {
      // A copy of the node: `setAttribute` refuses some names that parsers accept.
      live.setAttributeNode(live.ownerDocument.importNode(now));
    } else {
      live.removeAttribute(name);
    }
  }
}

/**
 * Sets the text of an element that contains only text, if the server has changed it. A script may have replaced the text
 * node of the server. Returns whether the text was set.
 *
 * @param {Element} old
 * @param {Element} next
 * @param {Element} live
 */
function updateText(old, next, live) {
  const isText = [old, next, live].every((node) => [...container(node).childNodes].every(({ nodeType }) => nodeType === Node.TEXT_NODE));
  const text = next.textContent ?? "";
  if (!isText || old.textContent?.trim() === text.trim()) return false;
  if (text !== "" && live.firstChild && live.childNodes.length === 1) live.firstChild.nodeValue = text;
  else live.textContent = text;
  return true;
}

/**
 * Captures the value of a field. Returns a function to call when the field and its descendants are updated: a field with
 * the value of the server gets the new value of the server, and a field with another value keeps it.
 *
 * @param {Element} old
 * @param {Element} next
 * @param {Element} live
 */
function captureField(old, next, live) {
  // The root has another tag now: the old element had no such value.
  if (old.nodeName !== next.nodeName) return undefined;
  if (live instanceof HTMLInputElement && live.type !== "file") {
    const [value, checked] = ["value", "checked"].map((name) => [old.getAttribute(name), next.getAttribute(name)]);
    const isValueOld = live.value === (value?.[0] ?? "");
    const isCheckedOld = live.checked === (typeof checked?.[0] === "string");
    return () => {
      if (isValueOld && value?.[0] !== value?.[1] && live.value !== live.defaultValue) live.value = live.defaultValue;
      if (isCheckedOld && checked?.[0] !== checked?.[1]) live.checked = live.defaultChecked;
    };
  }
  if (live instanceof HTMLTextAreaElement) {
    const isOld = live.value === live.defaultValue;
    return () => {
      if (isOld && live.value !== live.defaultValue) live.value = live.defaultValue;
    };
  }
  if (live instanceof HTMLSelectElement) {
    const selected = [...live.selectedOptions];
    const isOld = values(live) === values(/** @type {HTMLSelectElement} */ (old));
    return () => {
      const remaining = selected.filter((option) => option.closest("select") === live);
      if (isOld && values(live) !== values(/** @type {HTMLSelectElement} */ (next))) {
        const served = [...(/** @type {HTMLSelectElement} */ (next)).selectedOptions].map(({ value }) => value);
        for (const option of live.options) option.selected = served.includes(option.value);
      } else if (!isOld && remaining.length) {
        for (const option of live.options) if (option.selected !== remaining.includes(option)) option.selected = remaining.includes(option);
      }
    };
  }
}

/** @param {HTMLSelectElement} select */
function values(select) {
  return JSON.stringify([...select.selectedOptions].map(({ value }) => value));
}

/**
 * Replaces a live element by one with the tag and attributes of `next`, and moves its children there.
 *
 * @param {Element} live
 * @param {Element} next
 */
function retag(live, next) {
  const { ownerDocument: document, scrollTop: top, scrollLeft: left } = live;
  const hadFocus = document.activeElement === live;
  // A copy of the node: a script from a parser does not run.
  const element = /** @type {HTMLElement} */ (document.importNode(next, false));
  // It is connected before the children move: only then do they keep their state.
  live.before(element);
  for (const child of [...container(live).childNodes]) move(container(element), child, null);
  live.remove();
  element.scrollTo({ top, left, behavior: "instant" });
  if (hadFocus) element.focus({ preventScroll: true });
  return element;
}

/**
 * Moves a node. It keeps its state if the browser supports `moveBefore`.
 *
 * @param {Node} parent
 * @param {Node} node
 * @param {Node | null | undefined} reference the node after it
 */
function move(parent, node, reference) {
  // A script may have moved the parent into the node, or the reference elsewhere.
  if (node.contains(parent)) return;
  const before = reference?.parentNode === parent ? reference : null;
  if (node.parentNode === parent && node.nextSibling === before) return;
  if (parent instanceof Element && "moveBefore" in parent && node.isConnected && parent.isConnected) parent.moveBefore(node, before);
  else parent.insertBefore(node, before);
}

/**
 * Runs a change, and restores the focus if a move has removed it.
 *
 * @param {Document} document
 * @param {() => void} change
 */
function keepFocus(document, change) {
  const active = /** @type {HTMLInputElement | null} */ (document.activeElement);
  // Fields without text have no caret; their properties are null.
  const { selectionStart, selectionEnd, selectionDirection } = active ?? {};
  change();
  if (!active?.isConnected || document.activeElement === active) return;
  active.focus({ preventScroll: true });
  if (typeof selectionStart !== "number") return;
  active.setSelectionRange(selectionStart, selectionEnd ?? null, selectionDirection ?? undefined);
}

/** Copies an element into another document, where nothing loads and no script runs. @param {Element} live */
function copy(live) {
  return live.ownerDocument.implementation.createHTMLDocument("").importNode(live, true);
}
