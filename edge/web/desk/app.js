// Pairing the own app: a picture to scan, an address to open, a key to type; shown until put away.

import { h } from "../tablet/dom.js";
import { say } from "./words.js";

/** Pixels of a module, and light modules around the picture. */
const MODULE_PX = 6;
const QUIET = 4;

/**
 * @typedef {object} Drawn
 * @property {boolean} hasApp
 * @property {import("./desk.js").Pairing | null} pairing fresh, not yet put away
 * @property {boolean} isPhone the page is on the phone that has the app
 * @property {() => void} onPair
 * @property {() => void} onPart
 * @property {() => void} onDone
 * @property {HTMLElement | null} under what belongs below the buttons
 */

/** @param {Drawn} drawn */
export function ownApp(drawn) {
  return h(
    "section",
    { class: "group" },
    h("h2", {}, say("app")),
    !drawn.pairing && h("p", {}, say(drawn.hasApp ? "appPaired" : "appLead")),
    drawn.pairing
      ? fresh(drawn.pairing, drawn)
      : h(
          "div",
          { class: "bar" },
          h("button", { type: "button", data: { own: "pair" }, on: { click: drawn.onPair } }, say(drawn.hasApp ? "pairAnew" : "pair")),
          drawn.hasApp && h("button", { type: "button", data: { own: "part" }, on: { click: drawn.onPart } }, say("part")),
        ),
    drawn.under,
  );
}

/** @param {import("./desk.js").Pairing} pairing @param {Drawn} drawn */
function fresh(pairing, drawn) {
  const key = pairing.secret.match(/.{1,4}/g) ?? [];
  return h(
    "div",
    { class: "proof pairing", role: "group", "aria-label": say("pair") },
    h("p", {}, say("pairScan")),
    picture(pairing.code),
    h("code", { class: "key" }, key.join(" ")),
    h(
      "div",
      { class: "bar" },
      h("button", { type: "button", class: "main", data: { own: "paired" }, on: { click: drawn.onDone } }, say("pairDone")),
      drawn.isPhone && h("a", { class: "button", href: pairing.uri }, say("pairOpen")),
    ),
  );
}

/** @param {string[]} rows */
function picture(rows) {
  const size = (rows.length + 2 * QUIET) * MODULE_PX;
  const canvas = /** @type {HTMLCanvasElement} */ (
    h("canvas", { width: size, height: size, role: "img", "aria-label": say("pairPicture") })
  );
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, size, size);
  pen.fillStyle = "#000";
  rows.forEach((row, y) => [...row].forEach((dark, x) => {
    if (dark === "1") pen.fillRect((x + QUIET) * MODULE_PX, (y + QUIET) * MODULE_PX, MODULE_PX, MODULE_PX);
  }));
  return canvas;
}
