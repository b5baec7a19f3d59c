// Waits for something that has no event.

/** How long anything may take on a machine that also builds. */
const PATIENCE_MS = 120_000;

const PAUSE_MS = 10;

/**
 * Resolves once `holds` returns something truthy.
 *
 * @param {() => unknown} holds
 * @param {() => string} [why] describes what is there instead
 */
export async function until(holds, why = () => String(holds), patience = PATIENCE_MS) {
  const end = Date.now() + patience;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`timed out: ${why()}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
