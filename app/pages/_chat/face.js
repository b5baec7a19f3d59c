// @ts-check
// The mark of a name, which stands beside it: a character and a hue. The server gives a name the same ones.

const HUES = 8;

/**
 * Builds the mark of a name. Its colour is that of the element with the hue, around it.
 *
 * @param {string} name
 */
export function face(name) {
  const mark = document.createElement("span");
  mark.className = "face";
  mark.ariaHidden = "true";
  mark.textContent = initial(name);
  return mark;
}

/**
 * Returns one of a few hues. A name has the same hue everywhere.
 *
 * @param {string} name
 */
export function hue(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9973;
  return sum % HUES;
}

/**
 * Returns the first visible character of a name.
 *
 * @param {string} name
 */
function initial(name) {
  return [...name].find((letter) => /[^\p{Cc}\p{Cf}\s]/u.test(letter)) ?? "?";
}
