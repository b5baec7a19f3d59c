// @ts-check
// The button in the head of every page that signs out.

import { action, refs } from "kipo";
import { inWords } from "./_forms.js";

/** Lets the button sign out. */
export function offerSignOut() {
  refs.sign_out.addEventListener("click", () => {
    action.users.SignOut({}).call().catch((error) => alert(inWords(error)));
  });
}
