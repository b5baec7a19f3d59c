// @ts-check
// The contact form: it is sent without a load of the page, and shows what was sent.

import { action, refs, ActionError } from "kipo";
import { inWords } from "./_words.js";

const form = refs.contact_form;

/** The control of each field, in the order of the page. */
const controls = () => [...form.querySelectorAll("input, textarea")].filter((control) => control instanceof HTMLInputElement || control instanceof HTMLTextAreaElement);

/** @param {SubmitEvent} event */
async function send(event) {
  event.preventDefault();
  if (form.getAttribute("aria-busy") === "true") return;
  form.setAttribute("aria-busy", "true");
  refs.send_btn.setAttribute("aria-disabled", "true");
  const typed = Object.fromEntries(controls().map((control) => [control.name, control.value]));
  try {
    const sent = await action.contact.Submit({ name: typed.name ?? "", email: typed.email ?? "", message: typed.message ?? "" }).call();
    show({});
    refs.result_name.textContent = sent.name;
    refs.result_email.textContent = sent.email;
    refs.result_message.textContent = sent.message;
    refs.result_container.hidden = false;
    form.reset();
  } catch (error) {
    show(error instanceof ActionError ? error.fields : {}, inWords(error));
  } finally {
    form.removeAttribute("aria-busy");
    refs.send_btn.removeAttribute("aria-disabled");
  }
}

/**
 * Shows the errors of the fields beside their controls, and an error that belongs to none below them.
 *
 * @param {Partial<Record<string, string[]>>} errors
 * @param {string} [whole]
 */
function show(errors, whole = "") {
  /** @type {HTMLElement | null} */
  let first = null;
  for (const control of controls()) {
    const messages = errors[control.name] ?? [];
    say(control.name, messages.join(", "));
    if (messages.length === 0) control.removeAttribute("aria-invalid");
    else {
      control.setAttribute("aria-invalid", "true");
      first ??= control;
    }
  }
  say("", first === null ? whole : "");
  first?.focus();
}

/**
 * @param {string} name of a field, or "" for the form
 * @param {string} text
 */
function say(name, text) {
  const place = form.querySelector(`[p-error="${name}"]`);
  if (!(place instanceof HTMLElement)) return;
  place.textContent = text;
  place.hidden = text === "";
}

form.addEventListener("submit", (event) => void send(event));
