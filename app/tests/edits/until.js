// Waits for something that no event tells of.

/** How long anything may take on a machine that also builds. */
const PATIENCE_MS = 120_000;

const PAUSE_MS = 10;

/**
 * Completes once `holds` does.
 *
 * @param {() => unknown} holds
 * @param {() => string} [why] what is there instead
 */
export async function until(holds, why = () => String(holds), patience = PATIENCE_MS) {
  const end = Date.now() + patience;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`in vain: ${why()}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
