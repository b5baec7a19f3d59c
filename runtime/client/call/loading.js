/** Marks elements as busy while calls run. */
export class Loading {
  /**
   * The number of running calls for each element: the first call that ends must not clear the mark of the others.
   *
   * @type {WeakMap<Element, number>}
   */
  #running = new WeakMap();
  #document;

  /** @param {Document} [document] */
  constructor(document) {
    this.#document = document;
  }

  /**
   * @param {Element | string | true | undefined} target
   * @returns {() => void} ends the mark
   */
  start(target) {
    const elements = this.#find(target);
    for (const element of elements) this.#add(element, 1);
    return () => elements.forEach((element) => this.#add(element, -1));
  }

  /** @param {Element | string | true | undefined} target */
  #find(target) {
    if (!target || !this.#document) return [];
    if (target === true) return [this.#document.documentElement];
    return typeof target === "string" ? [...this.#document.querySelectorAll(target)] : [target];
  }

  /**
   * @param {Element} element
   * @param {1 | -1} change
   */
  #add(element, change) {
    const running = (this.#running.get(element) ?? 0) + change;
    this.#running.set(element, running);
    element.classList.toggle("kipo-loading", running > 0);
    if (running > 0) element.setAttribute("aria-busy", "true");
    else element.removeAttribute("aria-busy");
  }
}
