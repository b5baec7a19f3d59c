// @ts-check

import { action, refs } from "kipo";
import { onSubmit } from "./_forms.js";

onSubmit(refs.form, async () => {
  const { value: name } = refs.name_input;
  const { value: password } = refs.password_input;
  await action.users.SignUp({ name, password, next: refs.form.dataset.next ?? "/" }).call();
}, {
  error: refs.form_error,
  fields: {
    name: { label: "The name", input: refs.name_input, error: refs.name_error },
    password: { label: "The password", input: refs.password_input, error: refs.password_error },
  },
});
