// The page at the station and behind the code at the door: who, what is allowed, own data, gone.
// Nothing of it is kept in the browser; leaving or walking away clears it.

import { h } from "../tablet/dom.js";
import { ownApp } from "./app.js";
import { choiceGroups } from "./choices.js";
import { Refused, desk } from "./desk.js";
import { watchForNobody } from "./idle.js";
import { currentLanguage, day, of, offerLanguages, say } from "./words.js";

/** @typedef {import("./desk.js").Standing} Standing */

const METHOD = location.pathname === "/station" ? "station" : "phone";
const SAID_MS = 5_000;
/** What one may do with one's own data, after a proof. */
const OWN = new Set(["uses", "export", "erase"]);
/** The same for the own app. */
const PAIR = "pair";

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const idle = watchForNobody(/** @type {HTMLDialogElement} */ (byId("still")), leave);

/** @type {{version: string, store: string, purposes: {purpose: string, text: {de: string, en: string}}[]} | null} */
let notice = null;
/** @type {Standing | null} */
let standing = null;
/** @type {import("./desk.js").Use[] | null} */
let uses = null;
/** @type {import("./desk.js").Pairing | null} */
let pairing = null;
/** @type {string | null} */
let busy = null;
/** What waits for a code: a purpose, `uses`, `export`, `erase` or `pair`. @type {string | null} */
let wantsProof = null;
let isErasing = false;
/** @type {string | null} */
let proofToken = null;
let saidTimer = 0;

function draw() {
  document.title = say("title");
  byId("store").textContent = notice?.store ?? "Stammgast";
  byId("notice").textContent = say("notice");
  const main = byId("main");
  const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.purpose;
  main.replaceChildren(...(proofToken ? gone(proofToken) : standing ? mine(standing) : start()));
  if (focused) /** @type {HTMLElement | null} */ (main.querySelector(`[data-purpose="${focused}"]`))?.focus({ preventScroll: true });
}

function start() {
  return [
    h("h1", {}, say("title")),
    h("p", { class: "lead" }, say("lead")),
    form("number", say("number"), say("next"), async (number) => {
      standing = await desk.begin(number, METHOD);
      idle.start(standing.idle_s);
      draw();
      byId("main").focus();
    }, { 404: "unknown" }),
  ];
}

/** @param {Standing} now */
function mine(now) {
  const texts = new Map(notice?.purposes.map((p) => [p.purpose, p.text]));
  const given = now.choices.filter((choice) => choice.is_given);
  return [
    h("h1", {}, say("mine")),
    h("p", { class: "lead" }, say("mineLead")),
    h(
      "div",
      { class: "bar" },
      h("button", { type: "button", class: "main", on: { click: leave } }, say("done")),
      given.length > 0 && h("button", { type: "button", data: { all: "off" }, on: { click: allOff } }, say("allOff")),
    ),
    ...choiceGroups({ standing: now, texts, busy, onSwitch, under: (purpose) => (wantsProof === purpose ? proof() : null) }),
    ownApp({
      hasApp: now.has_app,
      pairing,
      isPhone: METHOD === "phone",
      onPair: () => withProof(PAIR),
      onPart: partApp,
      onDone: pairedNow,
      under: wantsProof === PAIR ? proof() : null,
    }),
    ownData(),
  ];
}

function ownData() {
  const lines = uses?.map((use) =>
    h(
      "li",
      {},
      h("b", {}, say("got", { got: of(use.got) })),
      h("p", { class: "quiet" }, `${say("used", { used: of(use.used) })} · ${day(use.at_s)}`),
    ),
  );
  return h(
    "section",
    { class: "group" },
    h("h2", {}, say("own")),
    h("p", {}, say("ownLead")),
    lines && (lines.length ? h("ul", { class: "facts" }, lines) : h("p", {}, say("usesNone"))),
    h(
      "div",
      { class: "bar" },
      !lines && h("button", { type: "button", data: { own: "uses" }, on: { click: () => withProof("uses") } }, say("uses")),
      h("button", { type: "button", data: { own: "export" }, on: { click: () => withProof("export") } }, say("export")),
      h("button", { type: "button", class: "grave", data: { own: "erase" }, on: { click: () => withProof("erase") } }, say("erase")),
    ),
    wantsProof && OWN.has(wantsProof) ? proof() : null,
    isErasing ? sure() : null,
  );
}

function sure() {
  const cancel = () => {
    isErasing = false;
    draw();
  };
  return h(
    "div",
    { class: "proof", role: "group" },
    h("h2", {}, say("eraseSure")),
    h("p", {}, say("eraseMore")),
    h(
      "div",
      { class: "bar" },
      h("button", { type: "button", class: "grave", data: { own: "sure" }, on: { click: erase } }, say("erase")),
      h("button", { type: "button", on: { click: cancel } }, say("cancel")),
    ),
  );
}

/** @param {string} token */
function gone(token) {
  return [h("h1", {}, say("erased")), h("p", { class: "lead" }, say("erasedMore")), h("p", { class: "quiet" }, token)];
}

function proof() {
  const waiting = wantsProof ?? "";
  return h(
    "div",
    { class: "proof" },
    h("b", {}, say("proof")),
    h("p", {}, say("proofLead")),
    form("code", say("code"), say("next"), async (code) => {
      standing = await desk.prove(code);
      wantsProof = null;
      if (OWN.has(waiting) || waiting === PAIR) withProof(waiting);
      else onSwitch(waiting, true);
    }, { 403: "wrongCode" }),
  );
}

/**
 * @param {string} id
 * @param {string} label
 * @param {string} action
 * @param {(value: string) => Promise<void>} submit
 * @param {Record<number, string>} faults words for a status
 */
function form(id, label, action, submit, faults) {
  const input = /** @type {HTMLInputElement} */ (
    h("input", { id, name: id, autocomplete: "off", autocapitalize: "off", spellcheck: "false", required: true, maxlength: 64, "aria-describedby": `${id}-fault` })
  );
  const wrong = h("p", { class: "fault", id: `${id}-fault`, role: "alert" });
  const onSubmit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    wrong.textContent = "";
    try {
      await submit(input.value.trim());
    } catch (error) {
      wrong.textContent = reason(error, faults);
      input.focus();
    }
  };
  return h(
    "form",
    { class: "ask", novalidate: true, on: { submit: onSubmit } },
    h("label", { for: id }, label),
    input,
    wrong,
    h("button", { type: "submit", class: "main" }, action),
  );
}

/** @param {unknown} error @param {Record<number, string>} faults */
function reason(error, faults) {
  const status = error instanceof Refused ? error.status : -1;
  if (status === 401) leave();
  return say(faults[status] ?? (status === 429 ? "tooOften" : status === 409 ? "noticeChanged" : "noAnswer"));
}

/** @param {string} purpose @param {boolean} isGiven */
async function onSwitch(purpose, isGiven) {
  const choice = standing?.choices.find((c) => c.purpose === purpose);
  if (!standing || !notice || !choice) return;
  if (isGiven && choice.needs_proof && !standing.is_proven) {
    wantsProof = purpose;
    draw();
    byId("code").focus();
    return;
  }
  busy = purpose;
  wantsProof = null;
  draw();
  try {
    standing = await desk.state(purpose, isGiven, notice.version, currentLanguage());
    announce(say("saved"));
  } catch (error) {
    announce(reason(error, {}));
  }
  busy = null;
  draw();
}

/** Withdrawing everything takes one tap, however many purposes were given. */
async function allOff() {
  const given = standing?.choices.filter((choice) => choice.is_given) ?? [];
  for (const choice of given) await onSwitch(choice.purpose, false);
}

/** @param {string} wanted */
async function withProof(wanted) {
  if (!standing?.is_proven) {
    wantsProof = wanted;
    draw();
    byId("code").focus();
    return;
  }
  if (wanted === "erase") isErasing = true;
  else if (wanted === "export") await takeAlong();
  else if (wanted === PAIR) await pairApp();
  else await readUses();
  draw();
}

async function pairApp() {
  try {
    pairing = await desk.pair();
    if (standing) standing = { ...standing, has_app: true };
  } catch (error) {
    announce(reason(error, {}));
  }
}

/** The key is taken: it is not shown again. */
function pairedNow() {
  pairing = null;
  draw();
  /** @type {HTMLElement | null} */ (document.querySelector("[data-own=pair]"))?.focus();
}

async function partApp() {
  try {
    standing = await desk.part();
    announce(say("saved"));
  } catch (error) {
    announce(reason(error, {}));
  }
  draw();
}

async function readUses() {
  try {
    uses = await desk.uses();
  } catch (error) {
    announce(reason(error, {}));
  }
}

async function takeAlong() {
  try {
    const file = new Blob([JSON.stringify(await desk.export(), null, 2)], { type: "application/json" });
    const address = URL.createObjectURL(file);
    h("a", { href: address, download: "stammgast.json" }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  } catch (error) {
    announce(reason(error, {}));
  }
}

async function erase() {
  try {
    const { proof_token } = await desk.erase();
    clear();
    proofToken = proof_token;
    idle.start(60);
    draw();
  } catch (error) {
    announce(reason(error, {}));
  }
}

function clear() {
  [standing, uses, pairing, busy, wantsProof, isErasing, proofToken] = [null, null, null, null, null, false, null];
}

/** Clear the page and the session; nobody who comes next sees anything. */
function leave() {
  desk.end();
  clear();
  idle.stop();
  draw();
}

/** @param {string} text */
function announce(text) {
  clearTimeout(saidTimer);
  byId("said").textContent = text;
  saidTimer = window.setTimeout(() => (byId("said").textContent = ""), SAID_MS);
}

offerLanguages(draw);
// A page that the browser keeps for "back" must come back empty.
addEventListener("pagehide", leave);
draw();
notice = await fetch("/api/notice", { cache: "no-store" }).then((r) => (r.ok ? r.json() : null)).catch(() => null);
draw();
