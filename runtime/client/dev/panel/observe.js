/** @import { Client } from "../../call/action.js" */
/** @import { RunSettings } from "../../internal.d.ts" */
/** @import { Activity } from "./activity.js" */
/** @import { Run } from "./types.d.ts" */

/**
 * Records every later run of every client in an `Activity`. It wraps the method of the client, so that the client itself
 * needs no code for this.
 *
 * @param {typeof Client} Observed
 * @param {Activity} activity
 */
export function observe(Observed, activity) {
  const run = Observed.prototype.run;
  Observed.prototype.run = async function* (settings, isStream) {
    const seen = activity.begin(settings, isStream);
    const messages = run.call(this, recorded(settings, seen, isStream, activity), isStream);
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
      // Leaving the loop closes the stream.
      await messages.return(undefined);
      activity.end(seen, "left");
    }
  };
}

/**
 * Returns settings whose callbacks record what happens, and then call those of the page.
 *
 * @param {RunSettings} settings
 * @param {Run} run
 * @param {boolean} isStream
 * @param {Activity} activity
 * @returns {RunSettings}
 */
function recorded(settings, run, isStream, activity) {
  const { onState, onUpload, retryStream } = settings;
  // The client reports the progress of an upload only where the page asks for it.
  const watched = onUpload && {
    /** @param {number} sent @param {number} total */
    onUpload: (sent, total) => {
      activity.sent(run, sent, total);
      return onUpload(sent, total);
    },
  };
  if (!isStream) return { ...settings, ...watched };
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
