// @ts-check
// The contact form shows what was sent. The client sends it, and shows what is wrong.

import { refs } from "kipo";

refs.contact_form.addEventListener("kipo:success", (event) => {
  const sent = /** @type {import("kipo").contact.Sent} */ (event.detail);
  refs.result_name.textContent = sent.name;
  refs.result_email.textContent = sent.email;
  refs.result_message.textContent = sent.message;
  refs.result_container.hidden = false;
});
