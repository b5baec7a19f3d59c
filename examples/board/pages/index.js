// @ts-check

import { action, refs } from "kipo";

// The numbers are an extra: without them the page is whole.
action.stats.Show({}).withOnSuccess(({ todo, doing, done }) => {
  refs.stats.textContent = `On all boards of this server: ${todo} to do, ${doing} in progress, ${done} done.`;
}).call().catch(() => {});
