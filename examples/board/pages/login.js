// @ts-check

import { action, refs } from "kipo";
import { onSubmit, say } from "./_forms.js";

onSubmit(refs.form, async () => {
  const { value: name } = refs.name_input;
  const { value: password } = refs.password_input;
  if (name === "" || password === "") return say(refs.form_error, "Write your name and your password.");
  // The action answers with an effect that loads the next page.
  await action.users.SignIn({ name, password, next: refs.form.dataset.next ?? "/" }).call();
}, { error: refs.form_error });
