/** @import { Client } from "../../call/action.js" */
/** @import { RunSettings } from "../../internal.d.ts" */
/** @import { Activity } from "./activity.js" */
/** @import { Run } from "./types.d.ts" */

/**
 * Tells `activity` of every run of every client from here on. The client knows nothing of it: what it runs is
 * wrapped here, so that no page pays for this outside of development.
 *
 * @param {typeof Client} Observed
 * @param {Activity} activity
 */
export function observe(Observed, activity) {
  const run = Observed.prototype.run;
  Observed.prototype.run = async function* (settings, isStream) {
    const seen = activity.begin(settings, isStream);
    const messages = run.call(this, isStream ? listened(settings, seen, activity) : settings, isStream);
    try {
      for (;;) {
        const { done, value } = await messages.next();
        if (done) {
          activity.end(seen, "done", value);
          return value;
        }
        activity.event(seen, value);
        yield value;
      }
    } catch (error) {
      activity.end(seen, settings.signal?.aborted ? "aborted" : "failed", error);
      throw error;
    } finally {
      // Whoever leaves the loop closes the stream.
      await messages.return(undefined);
      activity.end(seen, "left");
    }
  };
}

/**
 * The settings with callbacks that listen as well. Each hands on to the page's own.
 *
 * @param {RunSettings} settings
 * @param {Run} run
 * @param {Activity} activity
 * @returns {RunSettings}
 */
function listened(settings, run, activity) {
  const { onState, retryStream } = settings;
  return {
    ...settings,
    onState: (state) => {
      activity.state(run, state);
      return onState?.(state);
    },
    retryStream: retryStream && {
      ...retryStream,
      onDisconnect: (error, attempt, delayMs) => {
        activity.lost(run, error, attempt, delayMs);
        return retryStream.onDisconnect?.(error, attempt, delayMs);
      },
      onReconnect: (attempt) => {
        activity.back(run, attempt);
        return retryStream.onReconnect?.(attempt);
      },
      onGap: (gap) => {
        activity.gap(run, gap);
        return retryStream.onGap?.(gap);
      },
    },
  };
}
