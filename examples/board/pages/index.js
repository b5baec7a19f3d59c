// @ts-check

import { action, refs } from "kipo";
import { offerSignOut } from "./_account.js";
import { onSubmit } from "./_forms.js";

offerSignOut();

onSubmit(refs.make_form, () => action.boards.Create({ title: refs.title_input.value }).call(), {
  error: refs.make_error,
  fields: { title: { label: "The title", input: refs.title_input, error: refs.title_error } },
});

// The numbers are an extra: without them the page is whole.
action.stats.Show({}).withOnSuccess(({ todo, doing, done }) => {
  refs.stats.textContent = `On all boards of this server: ${todo} to do, ${doing} in progress, ${done} done.`;
}).call().catch(() => {});
