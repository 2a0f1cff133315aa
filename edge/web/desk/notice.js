// The notice: what this box reads, what for, since when, and what left the building.

import { h } from "../tablet/dom.js";
import { amount, day, figure, of, offerLanguages, say } from "./words.js";

/** @typedef {{de: string, en: string}} Text */
/**
 * @typedef {object} Notice
 * @property {string} version
 * @property {string} store
 * @property {string} controller
 * @property {{purpose: string, text: Text}[]} purposes
 * @property {{what: Text, kept: Text, purposes: string[], is_on: boolean}[]} readings
 * @property {number} since_s
 * @property {number} messages_out
 * @property {number} bytes_out
 */

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
/** @type {Notice | null} */
let notice = null;

function draw() {
  document.title = say("noticeTitle");
  /** @type {HTMLElement} */ (document.getElementById("store")).textContent = notice?.store ?? "Stammgast";
  main.replaceChildren(h("h1", {}, say("noticeTitle")), ...(notice ? body(notice) : []));
}

/** @param {Notice} told */
function body(told) {
  const since = day(told.since_s);
  return [
    h("p", { class: "lead" }, say("noticeLead", { store: told.store })),
    h("p", { class: "lead" }, say("since", { day: since })),
    h(
      "section",
      { class: "group" },
      h("h2", {}, say("left")),
      h("p", {}, say("leftLead", { day: since })),
      h("dl", { class: "tallies" }, tally("messages", figure(told.messages_out)), tally("bytes", amount(told.bytes_out))),
    ),
    h("section", { class: "group" }, h("h2", {}, say("reads")), h("ul", { class: "facts" }, told.readings.map(reading))),
    h("section", { class: "group" }, h("h2", {}, say("purposes")), h("ul", { class: "choices" }, told.purposes.map(purpose))),
    h(
      "section",
      { class: "group" },
      h("h2", {}, say("rights")),
      h("p", {}, say("rightsLead")),
      h("div", { class: "bar" }, h("a", { class: "button", href: "/door" }, say("decide"))),
    ),
    h("section", { class: "group" }, h("p", {}, say("responsible", { controller: told.controller })), h("p", {}, say("version", { version: told.version }))),
  ];
}

/** @param {string} name @param {string} value */
const tally = (name, value) => h("div", {}, h("dt", {}, say(name)), h("dd", {}, value));

/** @param {Notice["readings"][number]} told */
function reading(told) {
  const names = told.purposes.map((purpose) => say(purpose)).join(", ");
  const rests = told.is_on ? (names ? say("restsOn", { names }) : say("noPerson")) : say("isOff");
  return h("li", { class: told.is_on ? "" : "off" }, h("b", {}, of(told.what)), h("p", {}, of(told.kept)), h("p", { class: "quiet" }, rests));
}

/** @param {Notice["purposes"][number]} told */
function purpose(told) {
  return h(
    "li",
    { class: "choice" },
    h("img", { src: `/web/desk/${told.purpose}.svg`, alt: "", width: 72, height: 72 }),
    h("span", {}, h("b", {}, say(told.purpose)), h("span", { class: "quiet" }, of(told.text))),
  );
}

offerLanguages(draw);
draw();
notice = await fetch("/api/notice", { cache: "no-store" }).then((r) => (r.ok ? r.json() : null)).catch(() => null);
draw();
