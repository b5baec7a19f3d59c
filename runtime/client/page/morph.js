// Makes live nodes follow HTML of the server, with as little done to them as can be.
//
// Three trees meet here: what the server sent before, what it sends now, and the live one, which scripts and
// people have changed since. What differs between the first two is done to the third; the rest of it is left
// alone. With a copy of the live tree as what was sent before, the live one becomes what is sent now.

import { common, match } from "./match_nodes.js";
import { children, container, descendants, isElement, zip } from "./traversal.js";

/** The tree as the server sent it, with the live node of each of its nodes. */
export class Served {
  /** @type {Element} */
  tree;
  /** The live node of each node of `tree`. @type {Map<Node, Node>} */
  nodes = new Map();

  /** @param {Element} live is copied now, before scripts change it */
  constructor(live) {
    this.tree = copy(live);
    zip(this.tree, live, this.nodes);
  }

  /**
   * Copies a part of the live tree again: it has come from the server just now.
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
    zip(tree, live, this.nodes);
  }

  /**
   * Says that another live node has taken the place of one.
   *
   * @param {Node} live
   * @param {Node} other
   */
  replace(live, other) {
    for (const [node, known] of this.nodes) if (known === live) this.nodes.set(node, other);
  }
}

/**
 * Makes a live tree equal to `next`. Nodes that are in both stay, and with them focus, caret, typed text and
 * scroll; dialogs and details that are open stay so.
 *
 * @param {Element} live
 * @param {Element} next
 * @returns {Element} the live one, or the one in its place if `next` has another tag
 */
export function morph(live, next) {
  const served = new Served(live);
  // As if the server had sent them closed: then somebody has opened them.
  for (const element of served.tree.querySelectorAll("dialog, details")) element.removeAttribute("open");
  follow(served, next);
  return /** @type {Element} */ (served.nodes.get(next));
}

/**
 * Makes a live tree follow the server from what it sent before to what it sends now. What scripts and people
 * did to the live tree stays, except where the server's own text changed.
 *
 * Scripts that are new do not run: whoever has some loads the page.
 *
 * @param {Served} served what was sent before; `next` from now on
 * @param {Element} next belongs to `served` from now on
 */
export function follow(served, next) {
  const { tree, nodes } = served;
  const live = /** @type {Element} */ (nodes.get(tree));
  const document = live.ownerDocument;
  const { twins, equal } = match(tree, next);
  /** The live node of each node of `next`. @type {Map<Node, Node>} */
  const now = new Map();
  /** Nodes that scripts have put elsewhere, or away: they stay there. @type {Set<Node>} */
  const astray = new Set();
  /** Nodes that the server no longer sends, without those that go with their parents. @type {Set<Node>} */
  const gone = new Set();
  const stays = new Set(twins.values());
  for (const [old, node] of nodes) {
    for (const child of children(old)) {
      if (nodes.get(child)?.parentNode !== container(node)) astray.add(child);
      if (!stays.has(child) && (stays.has(old) || astray.has(child))) gone.add(child);
    }
  }

  keepFocus(document, () => {
    update(tree, next, tree.nodeName === next.nodeName ? live : retag(live, next));
    // Last, since what is kept of them has been moved out by now.
    for (const old of gone) /** @type {ChildNode} */ (nodes.get(old)).remove();
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
      for (const each of descendants(next)) now.set(each, /** @type {Node} */ (nodes.get(/** @type {Node} */ (twins.get(each)))));
    } else if (isElement(old) && isElement(next) && isElement(live)) {
      const settle = field(old, next, live);
      attributes(old, next, live);
      if (texts(old, next, live)) zip(next, live, now);
      else children(next).forEach(place(old, next, container(live)));
      settle?.();
    } else if (old.nodeValue !== next.nodeValue) {
      live.nodeValue = next.nodeValue;
    }
  }

  /**
   * Returns what puts one child after the other where it belongs.
   *
   * @param {Node | undefined} old
   * @param {Node} next
   * @param {Node} parent
   */
  function place(old, next, parent) {
    const before = new Map(old && children(old).map((child, index) => [child, index]));
    const index = (/** @type {Node} */ child) => before.get(/** @type {ChildNode} */ (twins.get(child)));
    const stayed = children(next).filter((child) => index(child) !== undefined && !astray.has(/** @type {Node} */ (twins.get(child))));
    const inOrder = stayed.toSorted((a, b) => Number(index(a)) - Number(index(b)));
    const still = new Set(common(inOrder, stayed, (a, b) => a === b).map(([, at]) => stayed[at]));
    const first = stayed.find((child) => still.has(child));
    /** What the next child comes after. @type {Node | undefined} */
    let last;

    return (/** @type {ChildNode} */ child) => {
      const twin = twins.get(child);
      const node = twin ? nodes.get(twin) : create(child);
      if (!node) return;
      if (!twin || !astray.has(twin)) {
        const start = first ? nodes.get(/** @type {Node} */ (twins.get(first))) : parent.firstChild;
        if (!still.has(child)) move(parent, node, last ? last.nextSibling : start);
        if (node.parentNode === parent) last = node;
      }
      if (twin) update(twin, child, node);
      // One that came without its children, since some of them are live already.
      else if (!now.has(child)) {
        now.set(child, node);
        children(child).forEach(place(undefined, child, container(node)));
      }
    };
  }

  /**
   * Returns a new live node: with all that is in it, if nothing of that is live already.
   *
   * @param {Node} next
   */
  function create(next) {
    const isWhole = !holdsTwin(next);
    const node = document.importNode(next, isWhole);
    if (isWhole) zip(next, node, now);
    return node;
  }

  /**
   * @param {Node} next
   * @returns {boolean}
   */
  function holdsTwin(next) {
    return children(next).some((child) => twins.has(child) || holdsTwin(child));
  }
}

/**
 * Sets the attributes that the server has changed.
 *
 * @param {Element} old
 * @param {Element} next
 * @param {Element} live
 */
function attributes(old, next, live) {
  for (const name of new Set([...old.getAttributeNames(), ...next.getAttributeNames()])) {
    const [before, now] = [old.getAttribute(name), next.getAttributeNode(name)];
    if (before === (now?.value ?? null)) continue;
    if (name === "class") {
      live.classList.remove(...[...old.classList].filter((each) => !next.classList.contains(each)));
      live.classList.add(...[...next.classList].filter((each) => !old.classList.contains(each)));
      if (!now && !live.classList.length) live.removeAttribute(name);
    } else if (name === "open" && live instanceof HTMLDialogElement) {
      // A modal one leaves the top layer only if it is closed.
      if (!now) live.close();
      else if (!live.open) live.show();
    } else if (now) {
      // A copy of the node, since parsers take names that `setAttribute` does not.
      live.setAttributeNode(live.ownerDocument.importNode(now));
    } else {
      live.removeAttribute(name);
    }
  }
}

/**
 * Sets the text of an element that holds nothing else, if the server has changed it. A script that had set it
 * has put another node in place of the server's.
 *
 * @param {Element} old
 * @param {Element} next
 * @param {Element} live
 */
function texts(old, next, live) {
  const isText = [old, next, live].every((node) => [...container(node).childNodes].every(({ nodeType }) => nodeType === Node.TEXT_NODE));
  const text = next.textContent ?? "";
  if (!isText || old.textContent?.trim() === text.trim()) return false;
  if (text !== "" && live.firstChild && live.childNodes.length === 1) live.firstChild.nodeValue = text;
  else live.textContent = text;
  return true;
}

/**
 * Notes what a field holds. Returns what is to be done once the field and what is in it have followed: one that
 * held what the server had given it gets what the server gives now, and any other keeps what it held.
 *
 * @param {Element} old
 * @param {Element} next
 * @param {Element} live
 */
function field(old, next, live) {
  // The root has become another kind of element: it held nothing of this kind before.
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
    const chosen = [...live.selectedOptions];
    const isOld = values(live) === values(/** @type {HTMLSelectElement} */ (old));
    return () => {
      const kept = chosen.filter((option) => option.closest("select") === live);
      if (isOld && values(live) !== values(/** @type {HTMLSelectElement} */ (next))) {
        const given = [...(/** @type {HTMLSelectElement} */ (next)).selectedOptions].map(({ value }) => value);
        for (const option of live.options) option.selected = given.includes(option.value);
      } else if (!isOld && kept.length) {
        for (const option of live.options) if (option.selected !== kept.includes(option)) option.selected = kept.includes(option);
      }
    };
  }
}

/** @param {HTMLSelectElement} select */
function values(select) {
  return JSON.stringify([...select.selectedOptions].map(({ value }) => value));
}

/**
 * Replaces a live element by one with the tag and the attributes of `next`, and moves its children there.
 *
 * @param {Element} live
 * @param {Element} next
 */
function retag(live, next) {
  const { ownerDocument: document, scrollTop: top, scrollLeft: left } = live;
  const hadFocus = document.activeElement === live;
  // A copy of the node: a script that a parser made does not run.
  const element = /** @type {HTMLElement} */ (document.importNode(next, false));
  // Connected before the children move: only then do they keep their state.
  live.before(element);
  for (const child of [...container(live).childNodes]) move(container(element), child, null);
  live.remove();
  element.scrollTo({ top, left, behavior: "instant" });
  if (hadFocus) element.focus({ preventScroll: true });
  return element;
}

/**
 * Moves a node so that it keeps its state, where the browser knows how.
 *
 * @param {Node} parent
 * @param {Node} node
 * @param {Node | null | undefined} reference what it goes before
 */
function move(parent, node, reference) {
  // A script may have put the parent into it, or have moved the neighbour.
  if (node.contains(parent)) return;
  const before = reference?.parentNode === parent ? reference : null;
  if (node.parentNode === parent && node.nextSibling === before) return;
  if (parent instanceof Element && "moveBefore" in parent && node.isConnected && parent.isConnected) parent.moveBefore(node, before);
  else parent.insertBefore(node, before);
}

/**
 * Gives the focus back to what had it, if a browser took it in a move.
 *
 * @param {Document} document
 * @param {() => void} change
 */
function keepFocus(document, change) {
  const active = /** @type {HTMLInputElement | null} */ (document.activeElement);
  // No field but those with a text has a caret; others answer null.
  const { selectionStart, selectionEnd, selectionDirection } = active ?? {};
  change();
  if (!active?.isConnected || document.activeElement === active) return;
  active.focus({ preventScroll: true });
  if (typeof selectionStart !== "number") return;
  active.setSelectionRange(selectionStart, selectionEnd ?? null, selectionDirection ?? undefined);
}

/** A copy in a document of its own, where nothing loads and nothing runs. @param {Element} live */
function copy(live) {
  return live.ownerDocument.implementation.createHTMLDocument("").importNode(live, true);
}
