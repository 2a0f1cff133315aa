// The rule page: what holds, who said so, and what another file would change.

import { h } from "../tablet/dom.js";
import { byline, calledAll, catalogue, classes, matrix, section } from "./tables.js";
import { currentLanguage, day, figure, of, say, speak } from "./words.js";

/** @typedef {{de: string, en: string}} Text */
/**
 * @typedef {object} Row
 * @property {string} rule_id
 * @property {string} kind
 * @property {string} level
 * @property {boolean} is_law
 * @property {string[]} targets
 * @property {number} value
 * @property {string[]} to
 * @property {string[]} never
 * @property {string} author
 * @property {boolean} is_verified
 * @property {string} reason
 * @property {string} day
 * @property {string | null} to_day
 * @property {number} items
 * @property {boolean} is_in_force
 */
/** @typedef {{version: string, text: string, rows: Row[], matrix: import("./tables.js").MatrixLine[], classes: import("./tables.js").ClassLine[], given: import("./tables.js").Given[], names: import("./tables.js").Names, notes: string[]}} Sheet */
/** @typedef {{decisions: number, partly: number, changed: number, silenced: number, is_silencing: boolean, examples: {before: Text[], after: Text[]}[], earning: {verdict: "better" | "worse" | "same" | "undecided" | "too_little" | "unsupported", gain: number} | null}} Outlook */
/** @typedef {{problems: string[], notes: string[], outlook: Outlook | null}} Trial */

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
/** @type {Sheet | null} */
let sheet = null;
/** @type {Trial | null} */
let trial = null;
let draft = "";

/** @param {string} method @param {string} path @param {object} [body] */
async function ask(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(`/api/rules${path}`, { method, headers, body: body && JSON.stringify(body) });
  return { status: response.status, answer: await response.json() };
}

const SECTIONS = ["shown", "map", "matrix", "classes", "file"];

function draw() {
  document.title = say("title");
  byId("main").replaceChildren(
    h("h1", {}, say("title")),
    h("p", { class: "lead" }, say("lead")),
    contents(),
    ...notes(sheet?.notes ?? []),
    ...(sheet ? tables(sheet) : []),
    file(),
    ...(trial ? outcome(trial) : []),
  );
  const other = byId("language");
  other.textContent = say("otherLanguage");
  other.lang = currentLanguage() === "de" ? "en" : "de";
}

const contents = () =>
  h("nav", { class: "jump", "aria-label": say("sections") }, SECTIONS.map((name) => h("a", { href: `#${name}` }, say(name))));

/** @param {Sheet} all */
function tables(all) {
  const maps = all.rows.filter((row) => row.kind === "complement");
  const shown = all.rows.filter((row) => row.kind !== "complement");
  /** @param {Row[]} rows @param {string} none */
  const rules = (rows, none) => (rows.length ? h("ul", { class: "rules" }, rows.map((row) => rule(row, all))) : h("p", {}, say(none)));
  return [
    section("shown", [rules(shown, "none")]),
    section("map", [rules(maps, "noMap"), catalogue(all.given, all.names)]),
    matrix(all.matrix, all.names),
    classes(all.classes, all.names),
  ];
}

/** @param {Row} row @param {Sheet} all */
function rule(row, { names }) {
  const to = row.to.length ? say("complement", { to: calledAll(row.to, names) }) : "";
  const never = row.never.length ? say("never", { never: calledAll(row.never, names) }) : "";
  const isMap = row.kind === "complement";
  const goods = calledAll(row.targets, names);
  const what = isMap ? [to, never].filter(Boolean).join(" · ") : goods;
  const more = [row.to_day && say("until", { day: day(row.to_day) }), !row.is_in_force && say("resting")];
  return h(
    "li",
    { class: row.is_in_force ? "" : "resting", data: { ruleId: row.rule_id } },
    h(
      "div",
      {},
      h("b", {}, isMap ? goods : say(row.is_law ? "law" : row.kind, { value: figure(row.value) })),
      h("p", {}, what),
      h("p", { class: "reason" }, row.reason),
    ),
    byline(row, row.items, more.filter((one) => typeof one === "string")),
  );
}

function file() {
  const area = /** @type {HTMLTextAreaElement} */ (h("textarea", { id: "text", spellcheck: "false", autocomplete: "off" }));
  area.value = draft;
  area.addEventListener("input", () => (draft = area.value));
  return h(
    "section",
    { class: "group", id: "file" },
    h("h2", {}, say("file")),
    h("p", {}, say("fileLead")),
    h("label", { for: "text" }, say("fileText")),
    area,
    h(
      "div",
      { class: "bar" },
      h("button", { type: "button", data: { do: "try" }, on: { click: tryOut } }, say("tryOut")),
      h("button", { type: "button", class: "main", data: { do: "publish" }, on: { click: publish } }, say("publish")),
    ),
  );
}

/** @param {Trial} tried */
function outcome(tried) {
  if (tried.problems.length) {
    return [h("section", { class: "group", role: "alert" }, h("h2", {}, say("problems")), ...notes(tried.problems))];
  }
  const seen = tried.outlook;
  if (!seen) return [h("section", { class: "group" }, h("p", {}, say("noPast")), ...notes(tried.notes))];
  const names = (/** @type {Text[]} */ texts) => texts.map(of).join(", ") || say("nothing");
  return [
    h(
      "section",
      { class: "group", id: "outlook" },
      h("h2", {}, say("outlook")),
      ...notes(seen.is_silencing ? [say("silencing"), ...tried.notes] : tried.notes),
      h("dl", { class: "tallies" }, tally("decisions", seen.decisions), tally("changed", seen.changed), tally("silenced", seen.silenced)),
      ...(seen.earning && seen.changed ? [h("p", { id: "earning" }, say(seen.earning.verdict, { n: figure(Math.round(1000 * Math.abs(seen.earning.gain)) / 10) }))] : []),
      ...(seen.partly ? [h("p", {}, say(seen.partly === 1 ? "partlyOne" : "partly", { n: figure(seen.partly) }))] : []),
      h("ul", { class: "turns" }, seen.examples.map((one) => h("li", {}, h("s", {}, names(one.before)), h("span", { "aria-hidden": "true" }, "→"), h("span", {}, names(one.after))))),
    ),
  ];
}

/** @param {string} name @param {number} value */
const tally = (name, value) => h("div", {}, h("dt", {}, say(name)), h("dd", {}, figure(value)));

/** @param {string[]} sentences */
const notes = (sentences) => (sentences.length ? [h("ul", { class: "notes" }, sentences.map((s) => h("li", {}, s)))] : []);

async function tryOut() {
  const { status, answer } = await ask("POST", "/trial", { text: draft });
  trial = status === 200 ? answer : null;
  if (status !== 200) announce(say("failed"));
  draw();
}

async function publish() {
  const { status, answer } = await ask("PUT", "", { text: draft });
  if (status === 200) {
    trial = answer;
    await load();
    announce(say("published"));
  } else {
    trial = status === 409 ? { problems: answer.detail, notes: [], outlook: null } : null;
    announce(say("failed"));
  }
  draw();
}

async function load() {
  const { status, answer } = await ask("GET", "");
  if (status !== 200) return;
  sheet = answer;
  draft = answer.text;
}

/** @param {string} text */
function announce(text) {
  byId("said").textContent = text;
  setTimeout(() => (byId("said").textContent = ""), 6000);
}

byId("language").addEventListener("click", () => {
  speak(currentLanguage() === "de" ? "en" : "de");
  draw();
});
speak(navigator.language.startsWith("en") ? "en" : "de");
await load();
draw();
