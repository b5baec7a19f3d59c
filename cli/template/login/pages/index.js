// @ts-check
// The page of the guestbook: it signs the book and shows each entry as it arrives.

import { action, refs, ActionError } from "kipo";
import { offerSignOut } from "./_account.js";
import { inWords, onSubmit } from "./_forms.js";

/** @import { guestbook } from "kipo" */

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
    // The session has ended, perhaps in another tab.
    if (error instanceof ActionError && error.status === 401) location.assign("/login");
    else refs.note.textContent = inWords(error);
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

onSubmit(refs.form, refs.note, async () => {
  const signed = await action.guestbook.Sign({ message: refs.message_field.value }).withRetry(3).call();
  refs.note.textContent = `Thank you. That is entry number ${signed.number}.`;
  refs.message_field.value = "";
});

offerSignOut();
void follow();
