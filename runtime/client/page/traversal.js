// Traversal of DOM trees.

/**
 * Maps each node of a tree to the node at the same position in an equal live tree.
 *
 * @param {Node} tree
 * @param {Node} live
 * @param {Map<Node, Node>} nodes
 */
export function mapNodes(tree, live, nodes) {
  nodes.set(tree, live);
  const lives = children(live);
  children(tree).forEach((child, index) => {
    const node = lives[index];
    if (node) mapNodes(child, node, nodes);
  });
}

/**
 * Returns the children that the server can have sent.
 *
 * @param {Node} node
 * @returns {ChildNode[]}
 */
export function children(node) {
  // Where scripts run, the content is text; a parser without scripts makes nodes of it.
  if (node.nodeName === "NOSCRIPT") return [];
  const found = [];
  for (let child = container(node).firstChild; child; child = child.nextSibling) found.push(child);
  // Other children of the root come from scripts.
  return node.nodeName === "HTML" ? found.filter(({ nodeName }) => ["HEAD", "BODY"].includes(nodeName)) : found;
}

/** Returns the node that holds the children: the content of a template, or the node itself. @param {Node} node */
export function container(node) {
  return node.nodeName === "TEMPLATE" ? /** @type {HTMLTemplateElement} */ (node).content : node;
}

/**
 * Yields all nodes below a node, in document order.
 *
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
