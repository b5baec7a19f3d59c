// @ts-check

import { action, isError, refs } from "kipo";
import { complain, onSubmit } from "./_forms.js";

/** The fields that the action may refuse. */
const fields = {
  name: { label: "The name", input: refs.name_input, error: refs.name_error },
  password: { label: "The password", input: refs.password_input, error: refs.password_error },
};

onSubmit(refs.form, async () => {
  const { value: name } = refs.name_input;
  const { value: password } = refs.password_input;
  try {
    // The action answers with an effect that loads the next page.
    await action.users.SignUp({ name, password, next: refs.form.dataset.next ?? "/" }).call();
  } catch (error) {
    if (!isError(error, action.users.SignUp) || error.code !== "name_taken") throw error;
    complain(fields.name, "This name is taken.");
    refs.name_input.focus();
  }
}, { error: refs.form_error, fields });
