// @ts-check

import { action, refs } from "kipo";
import { offerSignOut } from "./_account.js";
import { inWords, say } from "./_forms.js";

offerSignOut();

for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("[data-end]"))) {
  button.addEventListener("click", async () => {
    say(refs.admin_error, "");
    try {
      await action.admin.EndSessions({ user: Number(button.dataset.end) }).withLoading(button).call();
      button.textContent = "Ended";
    } catch (error) {
      say(refs.admin_error, inWords(error));
    }
  });
}
