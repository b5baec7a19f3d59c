// @ts-check
// The form in the head of every page that signs out.

import { refs } from "kipo";

let signingOut = false;

/** Returns whether the user signs out in this tab, which then loads another page by itself. */
export const isSigningOut = () => signingOut;

/** Begins to notice that the user signs out. */
export function watchSignOut() {
  refs.sign_out_form.addEventListener("submit", () => (signingOut = true));
  refs.sign_out_form.addEventListener("kipo:error", () => (signingOut = false));
}
