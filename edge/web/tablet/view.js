// Draws the board: the list of guests, and one guest on the stage.

import { buildBecause } from "./because.js";
import { answerOf, buildCard } from "./card.js";
import { h, keep } from "./dom.js";
import { currentLanguage, languageName, of, origin, say, since } from "./words.js";

/** @typedef {import("./board.js").Contact} Contact */
/** @typedef {import("./card.js").Action} Action */
/** @typedef {import("./card.js").Answer} Answer */
/**
 * @typedef {object} Scene everything a drawing depends on
 * @property {Contact[]} contacts
 * @property {string | null} selected
 * @property {import("./board.js").Store | null} store
 * @property {boolean} areNamesHidden
 * @property {boolean} isCustomerView
 * @property {number} nowS
 * @property {number} silentS seconds since the box was heard, 0 while it is
 * @property {Map<string, Answer>} answers by card
 * @property {Map<string, import("./board.js").Because>} becauses by card, once somebody asked
 * @property {string | null} explained the guest of whom more is shown
 * @property {Set<string>} unread contacts nobody has opened yet
 * @property {string} area the zone whose guests are listed; empty: all
 */
/**
 * @typedef {object} Taps
 * @property {(contactId: string) => void} open
 * @property {(contact: Contact, cardId: string, action: Action) => void} react
 * @property {(contact: Contact) => void} serve
 * @property {() => void} toggleCustomerView
 * @property {(zoneId: string) => void} choose
 * @property {(contact: Contact, cards: import("./board.js").Card[], isOpen: boolean) => void} explain
 */

/** Seconds without the box after which nobody is shown at all: the default lease of a card. */
const HOLD_S = 60;
/** Somebody is new for so long. */
const NEW_S = 120;
/** From so many guests on the list can be narrowed to one area. */
const MANY = 7;

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {Scene} scene @param {Taps} taps */
export function draw(scene, taps) {
  document.body.dataset.view = scene.isCustomerView ? "customer" : "staff";
  byId("store").textContent = scene.store?.name ?? "Stammgast";
  const isHeld = scene.silentS > HOLD_S;
  const guests = isHeld ? [] : scene.contacts;
  byId("rail").hidden = guests.length === 0;
  byId("rail-title").textContent = `${say("here")} · ${guests.length}`;
  keep(byId("areas"), areas(guests, scene, taps));
  const listed = guests.filter((c) => !scene.area || c.zone?.id === scene.area || c.contact_id === scene.selected);
  keep(byId("guests"), listed.map((contact) => guest(contact, scene, taps)));
  const selected = guests.find((c) => c.contact_id === scene.selected);
  keep(byId("stage"), selected ? stage(selected, scene, taps) : [nobody(scene, isHeld)]);
}

/**
 * A name only while somebody holds the tablet and no customer looks along. A title that says the
 * place is no name.
 * @param {Contact} contact
 * @param {Scene} scene
 */
function title(contact, scene) {
  const text = of(contact.title);
  const isPlace = contact.zone !== null && text.includes(of(contact.zone.name));
  return isPlace || !scene.areNamesHidden ? text : say("guest");
}

/** @param {Contact[]} guests @param {Scene} scene @param {Taps} taps */
function areas(guests, scene, taps) {
  if (guests.length < MANY && !scene.area) return [];
  const names = new Map(guests.flatMap((c) => (c.zone ? [[c.zone.id, of(c.zone.name)]] : [])));
  if (scene.area && !names.has(scene.area)) names.set(scene.area, scene.area);
  const sorted = [...names].sort((a, b) => a[1].localeCompare(b[1]));
  const build = () => {
    const choice = /** @type {HTMLSelectElement} */ (
      h(
        "select",
        { "aria-label": say("area"), data: { focus: "area" }, on: { change: () => taps.choose(choice.value) } },
        h("option", { value: "" }, say("allAreas")),
        sorted.map(([id, name]) => h("option", { value: id }, name)),
      )
    );
    choice.value = scene.area;
    return h("div", {}, choice);
  };
  return [{ key: "areas", print: JSON.stringify([currentLanguage(), scene.area, sorted]), build }];
}

/** @param {Contact} contact @param {Scene} scene @param {Taps} taps */
function guest(contact, scene, taps) {
  const isCurrent = contact.contact_id === scene.selected;
  const ageS = scene.nowS - contact.since_s;
  const isNew = scene.unread.has(contact.contact_id) && ageS < NEW_S;
  const state = contact.is_being_served ? say("beingServed") : isNew ? say("arrived") : "";
  const name = title(contact, scene);
  const where = contact.zone && !name.includes(of(contact.zone.name)) ? `${of(contact.zone.name)}, ` : "";
  const count = contact.cards.length;
  const cards = count ? ` · ${count === 1 ? say("oneCard") : say("cards", { n: count })}` : "";
  const when = where + since(ageS) + cards;
  const build = () =>
    h(
      "li",
      {},
      h(
        "button",
        {
          type: "button",
          class: "guest",
          "aria-current": isCurrent ? "true" : null,
          data: { contactId: contact.contact_id, focus: `guest-${contact.contact_id}` },
          on: { click: () => taps.open(contact.contact_id) },
        },
        h("span", {}, h("b", {}, name), h("span", { class: "quiet" }, when)),
        state && h("span", { class: contact.is_being_served ? "state" : "state new" }, state),
      ),
    );
  return { key: contact.contact_id, print: JSON.stringify([name, when, state, isCurrent]), build };
}

/** @param {Contact} contact @param {Scene} scene @param {Taps} taps */
function stage(contact, scene, taps) {
  const cards = contact.cards.filter((card) => scene.silentS < card.lease_s).slice(0, 2);
  const language = currentLanguage();
  const parts = [who(contact, scene, taps), insights(contact), cardList(contact, cards, scene, taps)];
  if (!cards.length) parts.push(noCard(contact, scene));
  parts.push(more(contact, cards, scene, taps));
  return parts.map((part) => ({ ...part, print: `${language}${part.print}` }));
}

/** @param {Contact} contact @param {Scene} scene @param {Taps} taps */
function who(contact, scene, taps) {
  const { isCustomerView } = scene;
  const name = isCustomerView ? say("forYou") : title(contact, scene);
  const where = contact.zone && !name.includes(of(contact.zone.name)) ? of(contact.zone.name) : "";
  const speaks = contact.language && contact.language !== currentLanguage()
    ? say("speaks", { language: languageName(contact.language) }) : "";
  const facts = [where, since(scene.nowS - contact.since_s), speaks].filter(Boolean).join(" · ");
  const isServed = contact.is_being_served;
  const build = () =>
    h(
      "header",
      { class: "who", data: { contactId: contact.contact_id } },
      h("div", {}, h("h2", { id: "guest-title" }, name), isCustomerView ? null : h("p", {}, facts)),
      isCustomerView ? null : h(
        "button",
        { type: "button", "aria-pressed": String(isServed), data: { focus: "serve" }, on: { click: () => taps.serve(contact) } },
        say(isServed ? "free" : "serve"),
      ),
      h(
        "button",
        { type: "button", data: { focus: "customer-view" }, on: { click: () => taps.toggleCustomerView() } },
        say(isCustomerView ? "staffView" : "customerView"),
      ),
    );
  const print = JSON.stringify([contact.contact_id, name, facts, isServed, isCustomerView]);
  return { key: "who", print, build };
}

/** @param {Contact} contact */
function insights(contact) {
  const lines = contact.insights.slice(0, 3);
  const build = () =>
    h(
      "ul",
      { class: "insights" },
      lines.map((line) => h("li", {}, h("p", {}, of(line.text), h("span", { class: "quiet" }, origin(line.source, line.age_s, of(line.text)))))),
    );
  return { key: "insights", print: JSON.stringify(lines), build };
}

/** @param {Contact} contact @param {import("./board.js").Card[]} cards @param {Scene} scene @param {Taps} taps */
function cardList(contact, cards, scene, taps) {
  const language = currentLanguage();
  const old = document.querySelector("#stage > .cards");
  const list = /** @type {HTMLElement} */ (old?.getAttribute("data-of") === contact.contact_id ? old : h("div", { class: "cards", "data-of": contact.contact_id }));
  keep(
    list,
    cards.map((card) => {
      const answer = answerOf(card, scene.answers.get(card.card_id) ?? null);
      return {
        key: card.card_id,
        print: JSON.stringify([language, card, answer]),
        build: () => buildCard(card, answer, (action) => taps.react(contact, card.card_id, action)),
      };
    }),
  );
  list.dataset.count = String(list.childElementCount);
  list.hidden = list.childElementCount === 0;
  return { key: `cards-${contact.contact_id}`, print: language, build: () => list };
}

/** @param {Contact} contact @param {Scene} scene */
function noCard(contact, scene) {
  const isLeaseOver = scene.silentS > 0 && contact.cards.length > 0;
  const head = isLeaseOver ? say("hidden") : contact.is_quiet ? say("quiet") : say("noCard");
  const text = isLeaseOver ? say("offlineGone") : of(contact.empty?.text);
  const build = () => h("div", { class: "nothing quiet-here" }, h("h3", {}, head), text && h("p", {}, text));
  return { key: "no-card", print: head + text, build };
}

/** @param {Contact} contact @param {import("./board.js").Card[]} cards @param {Scene} scene @param {Taps} taps */
function more(contact, cards, scene, taps) {
  const rows = new Map();
  for (const card of cards) {
    for (const left of card.suppressed ?? []) rows.set(of(left.name), of(left.text));
    if (card.allowed) rows.set(say("allowed"), of(card.allowed.text));
    if (card.controls?.length) rows.set(say("controls"), card.controls.map((code) => say(`control_${code}`)).filter(Boolean).join(" · "));
  }
  const because = cards.flatMap((card) => scene.becauses.get(card.card_id) ?? []);
  const build = () => {
    if (!rows.size) return h("div", { hidden: true });
    const list = [...rows].map(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]);
    const figures = cards.flatMap((card) => {
      const mine = scene.becauses.get(card.card_id);
      return mine ? [buildBecause(card, mine)] : [];
    });
    const details = /** @type {HTMLDetailsElement} */ (
      h(
        "details",
        {
          class: "more",
          open: scene.explained === contact.contact_id,
          on: { toggle: () => taps.explain(contact, cards, details.open) },
        },
        h("summary", { data: { focus: "more" } }, say("more")),
        figures.length > 0 && h("div", { class: "counted" }, h("p", {}, say("counted")), figures),
        h("dl", {}, list.flat()),
      )
    );
    return details;
  };
  return { key: `more-${contact.contact_id}`, print: JSON.stringify([...rows, cards.map((card) => card.card_id), because]), build };
}

/** @param {Scene} scene @param {boolean} isHeld */
function nobody(scene, isHeld) {
  const [head, text] = isHeld
    ? [say("hidden"), say("offlineGone")]
    : scene.store ? [say("nobody"), say("nobodyMore")] : [say("starting"), say("startingMore")];
  const build = () => h("div", { class: "nothing" }, h("h2", {}, head), h("p", {}, text));
  return { key: "nobody", print: head + text, build };
}
