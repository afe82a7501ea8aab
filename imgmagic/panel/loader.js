// The only code that stands in the widget's state: asks the kernel for the rest and starts it. See modules.py.

/**
 * @param {any} model
 * @returns {Promise<{modules: [string, string][], css: string}>}
 */
function code(model) {
  return new Promise((resolve) => {
    const id = -Math.ceil(Math.random() * 2 ** 40);
    const heard = (/** @type {any} */ content) => {
      if (content.re !== id) return;
      model.off("msg:custom", heard);
      resolve(content);
    };
    model.on("msg:custom", heard);
    model.send({ id, ask: "code" });
  });
}

/**
 * Import modules from memory, lowest first; gives what the last one exports.
 * @param {[string, string][]} modules
 */
async function imported(modules) {
  /** @type {Record<string, string>} */
  const places = {};
  try {
    for (const [name, text] of modules) {
      const linked = text.replace(/ from "\.\/([\w.]+)"/g, (_, other) => ` from "${places[other]}"`);
      places[name] = URL.createObjectURL(new Blob([linked], { type: "text/javascript" }));
    }
    return await import(places[modules[modules.length - 1][0]]);
  } finally {
    Object.values(places).forEach((place) => URL.revokeObjectURL(place));
  }
}

/** @param {{model: any, el: HTMLElement}} place */
function render({ model, el }) {
  let end = () => {};
  let ended = false;
  const note = document.createElement("p");
  note.textContent = "The panel is waiting for its kernel. If none is running, start one and run this cell again.";
  el.append(note);
  code(model)
    .then(async ({ modules, css }) => {
      const { mount } = await imported(modules);
      if (ended) return;
      const style = document.createElement("style");
      style.textContent = css;
      note.remove();
      el.append(style);
      end = mount(model, el);
    })
    .catch((error) => {
      note.textContent = `The panel cannot be shown here: ${error}`;
    });
  return () => {
    ended = true;
    end();
  };
}

export default { render };
