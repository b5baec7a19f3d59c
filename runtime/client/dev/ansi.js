// Development only: splits a text with ANSI colours, as compilers write it, into pieces.

/** The sixteen colours of terminals, the bright ones last, readable on a dark background. */
const COLOURS = [
  ["#8b8b8b", "#ff6b6e", "#69d58c", "#e5c452", "#7db3ff", "#d99bf0", "#5fd3d8", "#e8e8e8"],
  ["#a8a8a8", "#ff8f91", "#8fe8ab", "#ffe08a", "#a5caff", "#ecbcff", "#8cebef", "#ffffff"],
].flat();

/**
 * Returns the text in pieces, each with its colour.
 *
 * @param {string} text
 * @returns {{ text: string, colour?: string, bold: boolean }[]}
 */
export function pieces(text) {
  const found = [];
  let [colour, bold] = [/** @type {string | undefined} */ (undefined), false];
  // Removes other sequences too, such as links and cursor moves.
  const rest = text.replace(/\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1b\[[0-9;?]*[A-Za-ln-z]/g, "");
  for (const [index, part] of rest.split(/\x1b\[([0-9;]*)m/).entries()) {
    if (index % 2 === 0) {
      if (part !== "") found.push({ text: part, colour, bold });
      continue;
    }
    const codes = part.split(";").map(Number);
    for (let code = codes.shift(); code !== undefined; code = codes.shift()) {
      if (code === 0) [colour, bold] = [undefined, false];
      else if (code === 1) bold = true;
      else if (code === 22) bold = false;
      else if (code === 39) colour = undefined;
      else if (code >= 30 && code <= 37) colour = COLOURS[code - 30];
      else if (code >= 90 && code <= 97) colour = COLOURS[code - 82];
      else if (code === 38) colour = wide(codes);
      // Background colours are ignored.
      else if (code === 48) wide(codes);
    }
  }
  return found;
}

/**
 * Removes a colour that takes several numbers from the front of a list, and returns it.
 *
 * @param {number[]} codes
 */
function wide(codes) {
  return codes.shift() === 5 ? palette(codes.shift() ?? 0) : `rgb(${codes.splice(0, 3)})`;
}

/**
 * Returns one of the 256 colours.
 *
 * @param {number} index
 */
function palette(index) {
  if (index < 16) return COLOURS[index];
  if (index >= 232) return `rgb(${Array(3).fill(8 + 10 * (index - 232))})`;
  const level = (/** @type {number} */ n) => (n === 0 ? 0 : 55 + 40 * n);
  const cube = index - 16;
  return `rgb(${[Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map(level)})`;
}
