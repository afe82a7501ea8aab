// Foreign text on its way to the page. It is only ever shown as text; this makes one calm line of it. Pure.

// Controls, and the marks that reorder bidirectional text: as in imgmagic.errors.printable.
// eslint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Make one line of foreign text.
 * @param {string} text
 * @param {number} [limit] the longest result
 */
export function plain(text, limit = 300) {
  const cut = text.length > 4 * limit ? text.slice(0, 4 * limit) : text;
  const line = cut.replace(/\r/g, "\n").replace(UNSAFE, "\ufffd").split(/\s+/).filter(Boolean).join(" ");
  return line.length <= limit && cut === text ? line : `${line.slice(0, limit - 1)}…`;
}

/**
 * Keep the lines of foreign text, without what could reorder or hide parts of it.
 * @param {string} text
 */
export function lines(text) {
  return text.replace(/\r\n?/g, "\n").replace(UNSAFE, "\ufffd");
}

/**
 * Say how much of a picture is selected.
 * @param {number} share from 0 to 1
 */
export function percent(share) {
  if (share === 0) return "nothing";
  if (share === 1) return "everything";
  const value = 100 * share;
  return `${value < 0.1 ? "under 0.1" : value > 99.9 ? "over 99.9" : value.toFixed(1)} %`;
}
