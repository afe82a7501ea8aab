// Elements of the page. Text goes in as text nodes and attributes, never as markup: most of it is foreign.

/**
 * Make an element. Attributes: `class`, listeners as `onclick: …`, true and false for what is there or not, else text.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any>} [attributes]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) set(element, name, value);
  element.append(...children);
  return element;
}

/**
 * Set an attribute or a listener; null, undefined and false take an attribute away.
 * @param {Element} element
 * @param {string} name
 * @param {any} value
 */
export function set(element, name, value) {
  if (typeof value === "function") element.addEventListener(name.slice(2), value);
  else if (value === undefined || value === null || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}

/**
 * Make a button; its text is its name.
 * @param {string} text
 * @param {string} title
 * @param {() => void} action
 * @param {string} [kind] a further class
 */
export function button(text, title, action, kind = "") {
  return make("button", { type: "button", class: `imgmagic-button ${kind}`, title, onclick: action }, text);
}

/**
 * Make an input with its name before it.
 * @param {string} text
 * @param {HTMLElement} input
 */
export function labelled(text, input) {
  return make("label", { class: "imgmagic-field" }, make("span", {}, text), input);
}

/**
 * Make a list to choose from; [value, text].
 * @param {string} name
 * @param {[string, string][]} options
 * @param {() => void} [action]
 */
export function choice(name, options, action = () => {}) {
  const items = options.map(([value, text]) => make("option", { value }, text));
  return make("select", { "aria-label": name, class: "imgmagic-input", onchange: action }, ...items);
}

/**
 * Switch a button off; if it has the focus, that goes elsewhere rather than nowhere.
 * @param {HTMLButtonElement} element
 * @param {boolean} off
 * @param {() => void} instead
 */
export function disable(element, off, instead) {
  const focused = document.activeElement === element;
  element.disabled = off;
  if (off && focused) instead();
}

/**
 * Give an address in memory.
 * @param {BlobPart} bytes
 * @param {string} type
 */
export function address(bytes, type) {
  return URL.createObjectURL(new Blob([bytes], { type }));
}

/**
 * Save a file, as the browser does.
 * @param {BlobPart} bytes
 * @param {string} type
 * @param {string} name
 */
export function download(bytes, type, name) {
  const url = address(bytes, type);
  const link = make("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/**
 * Put text on the clipboard; where a page may not, by way of a selection.
 * @param {string} text
 */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { style: "position:fixed;opacity:0" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error("The browser does not let the panel write to the clipboard.");
  }
}

/** Addresses in memory by name, the most recently used ones; what is dropped is given back. */
export class Addresses {
  /** @param {number} most */
  constructor(most) {
    this.most = most;
    /** @type {Map<string, any>} */
    this.kept = new Map();
  }

  /** @param {string} name */
  get(name) {
    const found = this.kept.get(name);
    if (found !== undefined) {
      this.kept.delete(name);
      this.kept.set(name, found);
    }
    return found;
  }

  /**
   * @param {string} name
   * @param {{url: string}} value
   */
  put(name, value) {
    this.drop(name);
    this.kept.set(name, value);
    while (this.kept.size > this.most) this.drop(/** @type {string} */ (this.kept.keys().next().value));
  }

  /** @param {string} name */
  drop(name) {
    const found = this.kept.get(name);
    if (found?.url) URL.revokeObjectURL(found.url);
    this.kept.delete(name);
  }

  clear() {
    [...this.kept.keys()].forEach((name) => this.drop(name));
  }
}
