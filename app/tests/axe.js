// Accessibility: the rules of axe on a page, and what a screen reader announces.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/**
 * Returns the rules that the page breaks, each with the elements.
 *
 * @param {import("playwright-core").Page} page
 * @returns {Promise<string[]>}
 */
export async function violations(page) {
  if (!(await page.evaluate("'axe' in globalThis"))) await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html, failureSummary }) => `${id} (${help}): ${html.slice(0, 160)} ${failureSummary.split("\n").at(-1).trim()}`));
  });
}

/**
 * Records from now on what a screen reader announces: live regions that change, and what gets the focus. `heard` returns
 * the announcements since its last call.
 *
 * A change that many screen readers miss begins with `missed`: a polite region that appears together with its text, and a
 * region of a busy element.
 *
 * @param {import("playwright-core").Page} page
 */
export async function listen(page) {
  await page.addInitScript(record);
  await page.evaluate(record);
  return {
    /** @returns {Promise<string[]>} */
    heard: () => page.evaluate(() => globalThis.announcements.splice(0)),
  };
}

/** Runs in the page. */
function record() {
  const announcements = (globalThis.announcements = []);
  const REGION = "[role=status], [role=alert], [role=log], [aria-live], output";
  const elementOf = (node) => (node instanceof Element ? node : node.parentElement);
  const text = (node) => ((node instanceof HTMLElement ? node.innerText : node.textContent) ?? "").replace(/\s+/g, " ").trim();
  const kindOf = (region) => region.getAttribute("role") ?? (region.localName === "output" ? "status" : region.getAttribute("aria-live"));
  const isAtomic = (region) => (region.getAttribute("aria-atomic") ?? String(kindOf(region) !== "log")) === "true";
  const isSilent = (region) => region.getAttribute("aria-live") === "off" || region.closest("[aria-hidden=true]") || !region.checkVisibility();

  const announceAll = (mutations) => {
    /** The texts and nodes that changed, by region. */
    const changes = new Map();
    for (const { type, target, addedNodes } of mutations) {
      const region = elementOf(target)?.closest(REGION);
      const nodes = type === "childList" ? [...addedNodes] : [target];
      if (region) changes.set(region, [...(changes.get(region) ?? []), ...nodes.map((node) => ({ node, isNew: node === region }))]);
      for (const node of nodes) {
        if (type !== "childList" || !(node instanceof Element)) continue;
        for (const added of [node, ...node.querySelectorAll(REGION)].filter((each) => each.matches(REGION))) changes.set(added, [{ node: added, isNew: true }]);
      }
    }
    for (const [region, parts] of changes) {
      if (!region.isConnected || isSilent(region)) continue;
      const said = isAtomic(region) ? text(region) : parts.map(({ node }) => (node.isConnected ? text(node) : "")).join(" ").trim();
      if (said === "") continue;
      const isMissed = region.closest("[aria-busy=true]") || (kindOf(region) !== "alert" && parts.some(({ isNew }) => isNew));
      announcements.push(`${isMissed ? "missed " : ""}${kindOf(region)}: ${said}`);
    }
  };
  const observer = new MutationObserver(announceAll);
  const start = () => observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ["hidden"] });
  // What the page comes with is no change. Its scripts run after this event.
  if (document.readyState === "loading") document.addEventListener("readystatechange", start, { once: true });
  else start();

  const described = (element) => (element.getAttribute("aria-describedby")?.split(" ") ?? []).map((id) => document.getElementById(id)?.textContent.trim()).filter(Boolean);
  const nameOf = (element) => element.ariaLabel ?? [...(element.labels ?? [])].map((label) => label.innerText).concat(element.labels?.length ? [] : text(element)).join(" ");
  document.addEventListener("focusin", ({ target }) => {
    announceAll(observer.takeRecords());
    const parts = [nameOf(target), target.ariaInvalid === "true" && "invalid", ...described(target)];
    announcements.push(`focus: ${parts.filter(Boolean).join(", ")}`);
  });
}
