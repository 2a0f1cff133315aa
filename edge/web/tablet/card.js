// One card: picture, shelf sign, name, price, stock, why, and the taps on it.

import { h } from "./dom.js";
import { of, origin, price, say } from "./words.js";

/** @typedef {import("./board.js").Card} Card */
/** @typedef {"shown" | "reserve" | "not_now" | "wrong" | "gift"} Action */
/** @typedef {{action: Action, isPending: boolean} | null} Answer */

/** Which action a reaction that the box knows stands for. @type {Record<string, Action>} */
const BY_REACTION = { shown: "shown", reserved: "reserve", reserve: "reserve", not_now: "not_now", wrong: "wrong", gift: "gift" };
/** After these the card has nothing more to offer. */
const SETTLED = new Set(["not_now", "wrong"]);

/** @param {Card} card @param {Answer} given @returns {Answer} */
export function answerOf(card, given) {
  const known = card.reaction ? BY_REACTION[card.reaction] : undefined;
  return given ?? (known ? { action: known, isPending: false } : null);
}

/**
 * @param {Card} card
 * @param {Answer} answer
 * @param {(action: Action) => void} onTap
 */
export function buildCard(card, answer, onTap) {
  const isSettled = answer !== null && SETTLED.has(answer.action);
  const heading = `card-${card.card_id}`;
  return h(
    "article",
    {
      class: "card coming",
      "aria-labelledby": heading,
      data: { cardId: card.card_id, itemId: card.item_id, ...(isSettled ? { settled: "" } : {}) },
    },
    h(
      "div",
      { class: "goods" },
      picture(card),
      h(
        "div",
        { class: "about" },
        card.brand && h("p", { class: "quiet" }, card.brand),
        h("h3", { id: heading }, of(card.name)),
        card.kind === "item" && [priceLine(card), stockLine(card)],
        card.offer && h("p", {}, of(card.offer.text)),
        card.text && h("p", { class: "content" }, of(card.text)),
        card.mark && h("p", { class: "marked" }, say(card.mark) || say("marked")),
      ),
    ),
    card.why.length > 0 && h("ul", { class: "why" }, reasons(card).map(reason)),
    actions(card, answer, isSettled, onTap),
  );
}

/** A picture that is missing leaves no broken frame. @param {Event} event */
const gone = (event) => /** @type {Element} */ (event.target).remove();

/** @param {Card} card */
function picture(card) {
  return h(
    "div",
    { class: "shown-picture" },
    h("div", { class: "tile" }, card.picture && h("img", { src: card.picture, alt: "", width: 400, height: 400, on: { error: gone } })),
    card.aisle && h("p", { class: "sign" }, h("small", {}, of(card.zone.name)), card.aisle),
  );
}

/** @param {Card} card */
function priceLine(card) {
  if (card.price_cents === null || card.price_cents === undefined) return null;
  const full = price(card.price_cents, card.currency);
  const now = card.offer?.price_cents;
  return h("p", { class: "price" }, now ? [h("span", { class: "deal" }, price(now, card.currency)), h("s", {}, full)] : full);
}

/** @param {Card} card */
function stockLine(card) {
  const stock = card.stock;
  if (!stock) return null;
  const units = stock.units > 1 ? say("inStock", { n: stock.units }) : say(stock.units ? "lastOne" : "noStock");
  const size = stock.size_of_customer;
  const sizes = stock.sizes.slice(0, 6).join(", ");
  if (!stock.sizes.length) return h("p", { class: "stock" }, units);
  if (!size) return h("p", { class: "stock" }, `${units} · ${say("sizes", { sizes })}`);
  const name = stock.sizes.includes(size) ? "sizeHere" : "sizeMissing";
  return h("p", { class: "stock" }, `${say(name, { size, sizes })} · ${units}`);
}

/** At most two, and nothing said twice. @param {Card} card */
function reasons(card) {
  const said = new Set();
  return card.why.filter((why) => !said.has(of(why.text)) && said.add(of(why.text))).slice(0, 2);
}

/** @param {import("./board.js").Insight} why */
function reason(why) {
  return h("li", {}, of(why.text), h("span", { class: "quiet" }, origin(why.source, why.age_s, of(why.text))));
}

/** @param {Card} card @param {Answer} answer @param {boolean} isSettled @param {(action: Action) => void} onTap */
function actions(card, answer, isSettled, onTap) {
  const tap = (/** @type {Action} */ action, /** @type {string} */ look) =>
    h(
      "button",
      {
        type: "button",
        class: look,
        "aria-pressed": answer?.action === action ? "true" : null,
        data: { action, focus: action },
        on: { click: () => onTap(action) },
      },
      say(action),
    );
  const did = answer && say(`did${answer.action[0]?.toUpperCase()}${answer.action.slice(1)}`);
  const said = answer && (answer.isPending ? `${did}, ${say("pending")}` : did);
  const main = answer?.action === "shown" || answer?.action === "reserve" ? "" : "main";
  const buttons = [tap("shown", main), tap("reserve", ""), tap("not_now", "bare"), tap("wrong", "bare"), tap("gift", "bare")];
  const offered = card.kind === "item" ? buttons : [buttons[0], buttons[2], buttons[3]];
  return h("div", { class: `actions for-${card.kind}` }, isSettled ? null : offered, h("p", { class: "answer" }, said));
}
