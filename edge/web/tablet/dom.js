// Builds elements. Text only ever becomes text: nothing from the wire is parsed as markup.

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * @param {string} tag
 * @param {Record<string, any>} [props] attributes; `on` holds listeners, `data` data attributes
 * @param {...(Child | (Child | Child[])[])} children
 * @returns {HTMLElement}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "data") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  const kept = children.flat(2).filter((c) => c !== null && c !== undefined && c !== false);
  element.append(...kept.map((c) => (c instanceof Node ? c : String(c))));
  return element;
}

/**
 * Make a parent hold exactly these keyed children, touching only what differs; a child that stays
 * keeps its node, its focus and its scroll position.
 * @param {Element} parent
 * @param {{key: string, print: string, build: () => HTMLElement}[]} wanted
 */
export function keep(parent, wanted) {
  const old = new Map([...parent.children].map((c) => [/** @type {HTMLElement} */ (c).dataset.key, c]));
  /** @type {Element | null} */
  let after = null;
  for (const { key, print, build } of wanted) {
    let node = /** @type {HTMLElement | undefined} */ (old.get(key));
    if (node?.dataset.print !== print) {
      const fresh = build();
      fresh.dataset.key = key;
      fresh.dataset.print = print;
      if (node) replaceKeepingFocus(node, fresh);
      node = fresh;
    }
    old.delete(key);
    /** @type {Element | null} */
    const place = after ? after.nextElementSibling : parent.firstElementChild;
    if (place !== node) parent.insertBefore(node, place);
    after = node;
  }
  for (const node of old.values()) if (!node.classList.contains("leaving")) node.remove();
}

/** @param {HTMLElement} old @param {HTMLElement} fresh */
function replaceKeepingFocus(old, fresh) {
  const focused = old.contains(document.activeElement)
    ? /** @type {HTMLElement} */ (document.activeElement).dataset.focus
    : undefined;
  old.replaceWith(fresh);
  if (focused) /** @type {HTMLElement | null} */ (fresh.matches(`[data-focus="${focused}"]`)
    ? fresh : fresh.querySelector(`[data-focus="${focused}"]`))?.focus({ preventScroll: true });
}
