// Looking at a picture: how large, which part, and how two differ. Pure.
//
// A view maps a picture to a pane: a point p of the picture stands at p * scale + (x, y). Sizes are in px of either.

/**
 * @typedef {{scale: number, x: number, y: number}} View
 * @typedef {{width: number, height: number}} Size
 */

const LARGEST = 16;

/**
 * Show all of a picture, in the middle; a small one is not enlarged.
 * @param {Size} picture
 * @param {Size} pane
 * @returns {View}
 */
export function fitted(picture, pane) {
  const scale = Math.min(1, pane.width / picture.width, pane.height / picture.height) || 1;
  return settled({ scale, x: 0, y: 0 }, picture, pane);
}

/**
 * Keep a picture in sight: centred where it is smaller than the pane, without a gap at an edge where it is larger.
 * @param {View} view
 * @param {Size} picture
 * @param {Size} pane
 * @returns {View}
 */
export function settled(view, picture, pane) {
  const along = (/** @type {number} */ at, /** @type {number} */ size, /** @type {number} */ room) =>
    size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, at));
  return {
    scale: view.scale,
    x: along(view.x, picture.width * view.scale, pane.width),
    y: along(view.y, picture.height * view.scale, pane.height),
  };
}

/**
 * Change the scale; the point of the picture that is under a point of the pane stays there.
 * @param {View} view
 * @param {number} scale
 * @param {{x: number, y: number}} point of the pane
 * @param {Size} picture
 * @param {Size} pane
 * @returns {View}
 */
export function zoomed(view, scale, point, picture, pane) {
  const smallest = Math.min(1, fitted(picture, pane).scale);
  const next = Math.min(LARGEST, Math.max(smallest, scale));
  const by = next / view.scale;
  return settled({ scale: next, x: point.x - (point.x - view.x) * by, y: point.y - (point.y - view.y) * by }, picture, pane);
}

/**
 * Give the point of the picture that is under a point of the pane.
 * @param {View} view
 * @param {{x: number, y: number}} point
 */
export function under(view, point) {
  return { x: (point.x - view.x) / view.scale, y: (point.y - view.y) / view.scale };
}

/**
 * Show where two pictures differ: black where they are equal, brighter the more they differ.
 * @param {Uint8ClampedArray} before RGBA
 * @param {Uint8ClampedArray} after RGBA, of the same length
 * @returns {{data: Uint8ClampedArray<ArrayBuffer>, share: number}} RGBA, and the share of pixels that differ, from 0 to 1
 */
export function difference(before, after) {
  const data = new Uint8ClampedArray(after.length);
  let differing = 0;
  for (let i = 0; i < after.length; i += 4) {
    let most = 0;
    for (let k = 0; k < 4; k += 1) {
      const by = Math.abs(after[i + k] - before[i + k]);
      if (k < 3) data[i + k] = by && 48 + 2 * by;
      most = Math.max(most, by);
    }
    data[i + 3] = 255;
    if (most) differing += 1;
  }
  return { data, share: after.length ? (4 * differing) / after.length : 0 };
}
