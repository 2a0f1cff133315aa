// What each source of data contributed to a card: a line each, a bar, and whether they add up.

import { h } from "./dom.js";
import { of, say } from "./words.js";

/** @typedef {import("./board.js").Because} Because */

/** Lines that can be read in five seconds; the rest is small. */
const MOST = 4;
/** From this share of all movement on a source is more than a little. */
const MUCH = 0.2;

/** @param {import("./board.js").Card} card @param {Because} because */
export function buildBecause(card, because) {
  const shares = because.shares.slice(0, MOST);
  const lead = shares.find(({ share }) => share > 0);
  const lines = shares.map((line) => source(line, line === lead));
  return h(
    "section",
    { class: "because", data: { because: card.card_id } },
    h("h3", {}, of(card.name)),
    lines.length > 0 && h("ul", {}, lines),
    h("p", { class: "quiet" }, because.none ? say(`none_${because.none}`) : sum(because)),
  );
}

/** @param {{source: string, share: number}} line @param {boolean} isLead */
function source({ source, share }, isLead) {
  const weight = share < 0 ? "against" : isLead ? "aboveAll" : share >= MUCH ? "also" : "aLittle";
  const bar = h("span", { class: share < 0 ? "bar against" : "bar", "aria-hidden": "true" });
  bar.style.setProperty("--share", `${Math.round(Math.abs(share) * 100)}%`);
  return h("li", {}, h("span", {}, say(`because_${source}`)), h("span", { class: "quiet" }, say(weight)), bar);
}

/** @param {Because} because */
function sum({ adds_up, overlap }) {
  return adds_up ? say("addsUp") : say("overlaps", { n: Math.round(overlap * 100) });
}
