// @ts-check

import { action, refs } from "kipo";
import { onSubmit } from "./_forms.js";

// The action answers with an effect that loads the guestbook.
onSubmit(refs.form, refs.note, () =>
  action.account.SignUp({ name: refs.name_field.value, password: refs.password_field.value }).call());
