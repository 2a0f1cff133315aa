// A screen that somebody walked away from: warns, waits, and clears itself.

import { h } from "../tablet/dom.js";
import { say } from "./words.js";

// One touch more is asked for; WCAG 2.2.1 wants at least 20 seconds for it.
const WARN_S = 20;

/**
 * @param {HTMLDialogElement} dialog
 * @param {() => void} onGone nobody answered
 */
export function watchForNobody(dialog, onGone) {
  let waitS = 0;
  let timer = 0;

  const wait = () => {
    clearTimeout(timer);
    if (waitS > 0) timer = window.setTimeout(warn, (waitS - WARN_S) * 1000);
  };
  const warn = () => {
    const stay = h("button", { type: "button", class: "main", on: { click: () => dialog.close() } }, say("stay"));
    dialog.replaceChildren(h("h2", { id: "still-title" }, say("still")), h("p", { data: { left: "" } }), stay);
    dialog.showModal();
    count(WARN_S);
  };
  const count = (/** @type {number} */ left) => {
    if (left === 0) {
      waitS = 0;
      dialog.close();
      onGone();
      return;
    }
    const seconds = dialog.querySelector("[data-left]");
    if (seconds) seconds.textContent = say("stillMore", { s: left });
    timer = window.setTimeout(() => count(left - 1), 1000);
  };
  // While the question is open only an answer to it counts: the button, or Escape.
  dialog.addEventListener("close", wait);
  for (const event of ["pointerdown", "keydown"]) {
    addEventListener(event, () => dialog.open || wait(), { capture: true });
  }
  return {
    /** @param {number} idleS how long the box waits for a touch */
    start(idleS) {
      waitS = Math.max(idleS - 10, WARN_S + 10);
      wait();
    },
    stop() {
      waitS = 0;
      wait();
    },
  };
}
