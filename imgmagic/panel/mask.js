// Where to edit: a selection with exactly the picture's pixels, 0 for none to 255 for all of a pixel. Pure.
//
// A pixel belongs to a stroke if its centre lies within the brush's radius of the line that the brush was drawn along;
// no smoothing, so that what is selected can be said exactly. The mask that is sent has alpha 0 where it is selected.

/**
 * @typedef {{width: number, height: number, data: Uint8Array}} Mask
 * @typedef {{x: number, y: number}} Point
 * @typedef {{x: number, y: number, width: number, height: number}} Rect
 * @typedef {{rect: Rect, data: Uint8Array}} Patch
 */

/**
 * @param {number} width
 * @param {number} height
 * @returns {Mask}
 */
export function blank(width, height) {
  return { width, height, data: new Uint8Array(width * height) };
}

/**
 * Give the whole pixels that a rectangle touches, within the mask.
 * @param {Mask} mask
 * @param {number} left
 * @param {number} top
 * @param {number} right
 * @param {number} bottom
 * @returns {Rect}
 */
export function within(mask, left, top, right, bottom) {
  const x = Math.min(Math.max(0, Math.floor(left)), mask.width);
  const y = Math.min(Math.max(0, Math.floor(top)), mask.height);
  const width = Math.max(0, Math.min(mask.width, Math.ceil(right)) - x);
  const height = Math.max(0, Math.min(mask.height, Math.ceil(bottom)) - y);
  return { x, y, width, height };
}

/**
 * @param {Mask} mask
 * @returns {Rect}
 */
export function everything(mask) {
  return { x: 0, y: 0, width: mask.width, height: mask.height };
}

/**
 * Give the pixels that a stroke can touch.
 * @param {Mask} mask
 * @param {Point} from
 * @param {Point} to
 * @param {number} radius
 */
export function reach(mask, from, to, radius) {
  return within(
    mask,
    Math.min(from.x, to.x) - radius,
    Math.min(from.y, to.y) - radius,
    Math.max(from.x, to.x) + radius,
    Math.max(from.y, to.y) + radius,
  );
}

/**
 * Draw a brush along a line.
 * @param {Mask} mask changed in place
 * @param {Point} from
 * @param {Point} to
 * @param {number} radius
 * @param {number} value 255 selects, 0 erases
 * @returns {Rect} what may have changed
 */
export function stroke(mask, from, to, radius, value) {
  const rect = reach(mask, from, to, radius);
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = dx * dx + dy * dy;
  const far = radius * radius;
  for (let y = rect.y; y < rect.y + rect.height; y += 1) {
    for (let x = rect.x; x < rect.x + rect.width; x += 1) {
      const [px, py] = [x + 0.5 - from.x, y + 0.5 - from.y];
      const along = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
      const [ox, oy] = [px - along * dx, py - along * dy];
      if (ox * ox + oy * oy <= far) mask.data[y * mask.width + x] = value;
    }
  }
  return rect;
}

/**
 * Fill a rectangle.
 * @param {Mask} mask changed in place
 * @param {Point} from
 * @param {Point} to the opposite corner
 * @param {number} value
 * @returns {Rect} what may have changed
 */
export function rectangle(mask, from, to, value) {
  const [left, right] = [Math.min(from.x, to.x), Math.max(from.x, to.x)];
  const [top, bottom] = [Math.min(from.y, to.y), Math.max(from.y, to.y)];
  const rect = within(mask, Math.round(left), Math.round(top), Math.round(right), Math.round(bottom));
  for (let y = rect.y; y < rect.y + rect.height; y += 1) {
    mask.data.fill(value, y * mask.width + rect.x, y * mask.width + rect.x + rect.width);
  }
  return rect;
}

/** @param {Mask} mask changed in place */
export function invert(mask) {
  for (let i = 0; i < mask.data.length; i += 1) mask.data[i] = 255 - mask.data[i];
  return everything(mask);
}

/** @param {Mask} mask changed in place */
export function clear(mask) {
  mask.data.fill(0);
  return everything(mask);
}

/**
 * Soften the edges: a box blur in both directions, twice, which is near a Gaussian.
 * @param {Mask} mask changed in place
 * @param {number} radius in px
 */
export function feather(mask, radius) {
  const reachOf = Math.max(1, Math.round(radius / 2));
  for (let pass = 0; pass < 2; pass += 1) {
    for (let y = 0; y < mask.height; y += 1) blur(mask.data, y * mask.width, 1, mask.width, reachOf);
    for (let x = 0; x < mask.width; x += 1) blur(mask.data, x, mask.width, mask.height, reachOf);
  }
  return everything(mask);
}

/**
 * @param {Uint8Array} data
 * @param {number} start
 * @param {number} step
 * @param {number} count
 * @param {number} radius
 */
function blur(data, start, step, count, radius) {
  const line = new Uint8Array(count);
  for (let i = 0; i < count; i += 1) line[i] = data[start + i * step];
  const at = (/** @type {number} */ i) => line[Math.min(count - 1, Math.max(0, i))];
  let sum = 0;
  for (let i = -radius; i <= radius; i += 1) sum += at(i);
  for (let i = 0; i < count; i += 1) {
    data[start + i * step] = Math.round(sum / (2 * radius + 1));
    sum += at(i + radius + 1) - at(i - radius);
  }
}

/**
 * Give how much is selected, from 0 to 1.
 * @param {Mask} mask
 */
export function share(mask) {
  let sum = 0;
  for (let i = 0; i < mask.data.length; i += 1) sum += mask.data[i];
  return mask.data.length ? sum / (255 * mask.data.length) : 0;
}

/**
 * Copy a part out, to put it back later.
 * @param {Mask} mask
 * @param {Rect} rect
 * @returns {Patch}
 */
export function cut(mask, rect) {
  const data = new Uint8Array(rect.width * rect.height);
  for (let y = 0; y < rect.height; y += 1) {
    const start = (rect.y + y) * mask.width + rect.x;
    data.set(mask.data.subarray(start, start + rect.width), y * rect.width);
  }
  return { rect, data };
}

/**
 * Put a part back; gives what stood there.
 * @param {Mask} mask changed in place
 * @param {Patch} patch
 * @returns {Patch}
 */
export function paste(mask, patch) {
  const before = cut(mask, patch.rect);
  const { x, y, width, height } = patch.rect;
  for (let line = 0; line < height; line += 1) {
    mask.data.set(patch.data.subarray(line * width, (line + 1) * width), (y + line) * mask.width + x);
  }
  return before;
}

/**
 * Give the pixels of the file that is sent: black, alpha 0 where it is selected.
 * @param {Mask} mask
 * @returns {Uint8ClampedArray<ArrayBuffer>} RGBA
 */
export function sent(mask) {
  const pixels = new Uint8ClampedArray(4 * mask.data.length);
  for (let i = 0; i < mask.data.length; i += 1) pixels[4 * i + 3] = 255 - mask.data[i];
  return pixels;
}

/**
 * Give the pixels that are laid over the picture while it is painted.
 * @param {Mask} mask
 * @param {Rect} rect
 * @param {[number, number, number]} colour
 * @returns {Uint8ClampedArray<ArrayBuffer>} RGBA of the part
 */
export function overlay(mask, rect, colour) {
  const pixels = new Uint8ClampedArray(4 * rect.width * rect.height);
  for (let y = 0, at = 0; y < rect.height; y += 1) {
    const start = (rect.y + y) * mask.width + rect.x;
    for (let x = 0; x < rect.width; x += 1, at += 4) {
      [pixels[at], pixels[at + 1], pixels[at + 2]] = colour;
      pixels[at + 3] = (mask.data[start + x] * 5) >> 3;
    }
  }
  return pixels;
}
