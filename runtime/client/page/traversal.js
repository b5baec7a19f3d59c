// Walking through a page.

/**
 * Notes the live node of each node of a tree that is the same.
 *
 * @param {Node} tree
 * @param {Node} live
 * @param {Map<Node, Node>} nodes
 */
export function zip(tree, live, nodes) {
  nodes.set(tree, live);
  const lives = children(live);
  children(tree).forEach((child, index) => {
    const node = lives[index];
    if (node) zip(child, node, nodes);
  });
}

/**
 * Returns the children that can come from a server.
 *
 * @param {Node} node
 * @returns {ChildNode[]}
 */
export function children(node) {
  // The parser of a page that runs scripts takes what is in it for text; other parsers do not.
  if (node.nodeName === "NOSCRIPT") return [];
  const found = [];
  for (let child = container(node).firstChild; child; child = child.nextSibling) found.push(child);
  // Whatever else is there was put there by a script.
  return node.nodeName === "HTML" ? found.filter(({ nodeName }) => ["HEAD", "BODY"].includes(nodeName)) : found;
}

/** @param {Node} node */
export function container(node) {
  return node.nodeName === "TEMPLATE" ? /** @type {HTMLTemplateElement} */ (node).content : node;
}

/**
 * @param {Node} node
 * @returns {Generator<Node>}
 */
export function* descendants(node) {
  for (const child of children(node)) {
    yield child;
    yield* descendants(child);
  }
}

/**
 * @param {Node} node
 * @returns {node is Element}
 */
export function isElement(node) {
  return node.nodeType === Node.ELEMENT_NODE;
}
