// @ts-check
// The page of the guestbook: it signs the book and shows each entry as it arrives.

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

/** Shows the entries, old and new. The stream reconnects by itself. */
async function follow() {
  const book = action.guestbook.Follow({}).withRetryStream({
    backoff: "exponential",
    // Some entries are lost for this reader. The retained ones follow, so the list starts again.
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
 * Makes an element with a text from a stranger. `dir` isolates the text: characters that change the direction of
 * text act within the element alone.
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
