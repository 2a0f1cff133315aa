// The list of purposes: picture, plain words, one switch each.

import { h } from "../tablet/dom.js";
import { of, say } from "./words.js";

/** How the purposes belong together for a person. */
const GROUPS = {
  group_here: ["recognise", "location", "near_store"],
  group_staff: ["staff_contact", "staff_greeting"],
  group_taste: ["profile", "offers"],
  group_camera: ["camera_try_on", "shade"],
  group_totals: ["aggregates", "partners"],
};
/** Without being noticed these have no effect in the store. */
const AFTER_RECOGNISE = new Set(["location", "staff_contact", "staff_greeting"]);

/**
 * @typedef {object} Drawn
 * @property {import("./desk.js").Standing} standing
 * @property {Map<string, {de: string, en: string}>} texts sentences of the notice
 * @property {string | null} busy the purpose being written to disk
 * @property {(purpose: string, isGiven: boolean) => void} onSwitch
 * @property {(purpose: string) => HTMLElement | null} under what belongs below a purpose
 */

/** @param {Drawn} drawn @returns {HTMLElement[]} */
export function choiceGroups(drawn) {
  const given = new Map(drawn.standing.choices.map((choice) => [choice.purpose, choice.is_given]));
  const isNoticed = given.get("recognise") ?? false;
  return Object.entries(GROUPS).map(([group, purposes]) =>
    h(
      "section",
      { class: "group", "aria-labelledby": group },
      h("h2", { id: group }, say(group)),
      h(
        "div",
        { class: "choices" },
        purposes.flatMap((purpose) => {
          const isGiven = given.get(purpose) ?? false;
          const needs = isGiven && !isNoticed && AFTER_RECOGNISE.has(purpose);
          return [choice(purpose, isGiven, needs, drawn), drawn.under(purpose)];
        }),
      ),
    ),
  );
}

/** @param {string} purpose @param {boolean} isGiven @param {boolean} needsRecognise @param {Drawn} drawn */
function choice(purpose, isGiven, needsRecognise, drawn) {
  const text = drawn.texts.get(purpose);
  return h(
    "button",
    {
      type: "button",
      role: "switch",
      class: "choice",
      "aria-checked": String(isGiven),
      "aria-busy": drawn.busy === purpose ? "true" : null,
      data: { purpose },
      on: { click: () => drawn.onSwitch(purpose, !isGiven) },
    },
    h("img", { src: `/web/desk/${purpose}.svg`, alt: "", width: 72, height: 72 }),
    h(
      "span",
      {},
      h("b", {}, say(purpose)),
      h("span", { class: "quiet" }, text ? of(text) : "", needsRecognise ? ` ${say("needsRecognise")}` : ""),
    ),
    h("span", { class: "switch", "aria-hidden": "true" }, say(isGiven ? "on" : "off")),
  );
}
