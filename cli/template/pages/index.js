// @ts-check
// The guestbook: signs it, and shows each entry as it comes.

import { action, refs, ActionError } from "kipo";

/** @import { guestbook } from "kipo" */

async function sign() {
  const entry = { name: refs.name_field.value, message: refs.message_field.value };
  refs.note.textContent = "";
  try {
    const signed = await action.guestbook.Sign(entry).withRetry(3).withLoading(refs.form).call();
    refs.note.textContent = `Thank you. That is entry number ${signed.number}.`;
    refs.message_field.value = "";
  } catch (error) {
    refs.note.textContent = inWords(error);
  }
}

/** Shows the book, and what is added to it. Losing the connection is the stream's business. */
async function follow() {
  const book = action.guestbook.Follow({}).withRetryStream({
    backoff: "exponential",
    // Some entries are gone for good. What is kept comes next, so the list begins anew.
    onGap: () => refs.entries.replaceChildren(),
  });
  try {
    for await (const { event, data } of book.events()) {
      if (event === "signed") show(data);
    }
  } catch (error) {
    refs.note.textContent = inWords(error);
  }
}

/** @param {guestbook.Entry} entry */
function show(entry) {
  const item = document.createElement("li");
  item.append(text("strong", entry.name), text("span", entry.message));
  refs.entries.prepend(item);
}

/**
 * Puts what a stranger wrote into an element. `dir` isolates it: characters that change the direction of text do
 * so within the element alone.
 *
 * @param {"strong" | "span"} tag
 * @param {string} written
 */
function text(tag, written) {
  const element = document.createElement(tag);
  element.dir = "auto";
  element.textContent = written;
  return element;
}

/** @param {unknown} error */
function inWords(error) {
  if (!(error instanceof ActionError)) return "Something broke in this page.";
  if (!error.isValidationError) return error.message;
  return Object.entries(error.fields).map(([field, messages = []]) => `${field} ${messages.join(" and ")}`).join(", ");
}

refs.form.addEventListener("submit", (event) => {
  event.preventDefault();
  void sign();
});

void follow();
