// @ts-check
// The button in the head of every page that signs out.

import { action, refs } from "kipo";
import { inWords } from "./_forms.js";

/** Returns whether the user signs out in this tab, which then loads another page by itself. */
export const isSigningOut = () => refs.sign_out.disabled;

/** Lets the button sign out. */
export function offerSignOut() {
  refs.sign_out.addEventListener("click", () => {
    refs.sign_out.disabled = true;
    action.users.SignOut({}).call().catch((error) => {
      refs.sign_out.disabled = false;
      alert(inWords(error));
    });
  });
}
