// @ts-check
// The buttons of `_account.html`, which is in the header of each page for users.

import { action, refs } from "kipo";
import { inWords } from "./_forms.js";

/** Lets the buttons sign out. The actions answer with an effect that loads the page for signing in. */
export function offerSignOut() {
  refs.sign_out.addEventListener("click", () => {
    action.account.SignOut({}).call().catch((error) => alert(inWords(error)));
  });
  refs.sign_out_everywhere.addEventListener("click", () => {
    action.account.SignOutEverywhere({}).call().catch((error) => alert(inWords(error)));
  });
}
