// What goes with what, what follows a purchase, and how long goods rest: tables, as sentences.

import { h } from "../tablet/dom.js";
import { audience, day, days, figure, list, of, say } from "./words.js";

/** @typedef {{de: string, en: string}} Text */
/** @typedef {{author: string, is_verified: boolean, level?: string, day: string | null, reason: string}} By */
/** @typedef {{group: string, audience: string, then: string[], items: number, by: By}} MatrixLine */
/** @typedef {{target: string, interval_days: number | null, reopen_share: number, then: string[], items: number, by: By | null}} ClassLine */
/** @typedef {{target: string, to: string[]}} Given */
/** @typedef {Record<string, Text>} Names */

/** What people call a target; its own spelling where it has no name here.
 * @param {string} target @param {Names} names */
export function called(target, names) {
  if (target === "*") return say("everything");
  if (names[target]) return of(names[target]);
  const [axis, ...rest] = target.split(":");
  const name = rest.join(":");
  return axis === "kind" ? say(`kind_${name}`) : say(`axis_${axis}`, { name }) || target;
}

/** @param {string[]} targets @param {Names} names */
export const calledAll = (targets, names) => targets.map((target) => called(target, names)).join(", ");

/** @param {By | null} by @param {number} items @param {string[]} [more] */
export function byline(by, items, more = []) {
  const goods = say(items === 1 ? "good" : "goods", { n: figure(items) });
  if (!by) return h("div", { class: "quiet" }, h("p", {}, say("default")), h("p", {}, goods));
  const author = by.is_verified ? by.author : `${by.author} (${say("unverified")})`;
  return h(
    "div",
    { class: "quiet" },
    h("p", {}, by.day ? `${author}, ${day(by.day)}` : author),
    h("p", {}, [...(by.level ? [say(by.level)] : []), goods, ...more].join(" · ")),
  );
}

/** @param {MatrixLine[]} lines @param {Names} names */
export function matrix(lines, names) {
  return section("matrix", [
    lines.length
      ? h("ul", { class: "rules lines" }, lines.map((line) => row(
          { group: line.group, audience: line.audience },
          `${called(line.group, names)}, ${audience(line.audience)}`,
          follows(line.then),
          line.by.reason,
          byline(line.by, line.items),
        )))
      : h("p", {}, say("noMatrix")),
  ]);
}

/** @param {ClassLine[]} lines @param {Names} names */
export function classes(lines, names) {
  return section("classes", [
    h("ul", { class: "rules lines" }, lines.map((line) => row(
      { target: line.target },
      called(line.target, names),
      `${rests(line)} ${follows(line.then)}`,
      line.by?.reason,
      byline(line.by, line.items),
    ))),
  ]);
}

/** What the catalogue says goes together, folded up: nobody of the house wrote it.
 * @param {Given[]} given @param {Names} names */
export function catalogue(given, names) {
  if (!given.length) return false;
  return h(
    "details",
    { class: "given" },
    h("summary", {}, say("given", { n: figure(given.length) })),
    h("ul", { class: "pairs" }, given.map((one) => h(
      "li",
      {},
      h("b", {}, called(one.target, names)),
      h("span", {}, calledAll(one.to, names)),
    ))),
  );
}

/** @param {string} name @param {(HTMLElement | false)[]} content */
export const section = (name, content) =>
  h("section", { class: "group", id: name }, h("h2", {}, say(name)), h("p", {}, say(`${name}Lead`)), content);

/** @param {Record<string, string>} data @param {string} goods @param {string} what @param {string | undefined} reason @param {HTMLElement} by */
const row = (data, goods, what, reason, by) =>
  h("li", { data }, h("div", {}, h("b", {}, goods), h("p", {}, what), reason && h("p", { class: "reason" }, reason)), by);

/** @param {string[]} then */
const follows = (then) =>
  then.length ? say("follows", { what: list(then.map((action) => say(`then_${action}`))) }) : say("silence");

/** @param {ClassLine} line */
function rests(line) {
  if (!line.interval_days) return say("noRest");
  const share = line.reopen_share < 1 ? say("reopens", { share: figure(Math.round(line.reopen_share * 100)) }) : "";
  return `${say("rests", { days: days(line.interval_days) })}${share}.`;
}
