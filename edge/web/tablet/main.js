// The tablet page: joins the socket, the board and the drawing. The state lives here, in memory only.

import { Board } from "./board.js";
import { Link } from "./link.js";
import { draw } from "./view.js";
import { Sight, watchIdle } from "./watch.js";
import { currentLanguage, of, say, speak } from "./words.js";

const RENEW_MS = 20_000; // a third of the default lease
const SAID_MS = 8_000;
const NEWS_MS = 60_000; // arrivals are news once a minute at most
const LEAVE_MS = 320; // as in tablet.css

const board = new Board();
/** @type {Map<string, import("./card.js").Answer>} */
const answers = new Map();
/** @type {Map<string, string>} message id to card id */
const sent = new Map();
/** @type {Map<string, {contactId: string, was: boolean}>} message id to who was being served */
const serving = new Map();
/** @type {Map<string, number>} card id to when it came on screen, in the box's time */
const seen = new Map();
/** @type {Map<string, import("./board.js").Because>} what each source contributed, by card */
const becauses = new Map();
/** @type {Set<string>} cards about which this connection was asked */
const wanted = new Set();
/** @type {string | null} the guest of whom more is shown */
let explained = null;
/** @type {Set<string>} */
const unread = new Set();
/** @type {string | null} */
let selected = null;
let areNamesHidden = false;
let isCustomerView = false;
let saidTimer = 0;
/** The zone whose guests are listed; empty: all. */
let area = "";
let newsMs = -Infinity;

/** Names this page to the box for as long as it lives: whoever is cut off may still show its cards. */
const tabletId = crypto.randomUUID();
let hasJoined = false;

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/tablet`;

const link = new Link(address, {
  onFrame(frame) {
    const happening = board.apply(frame);
    if (frame.kind === "mark") forgetBecause(frame.card_id); // what it rested on has changed
    if (happening?.kind === "recall") recalled(happening);
    if (happening?.kind === "arrival") arrived(happening.contact);
    if (frame.kind === "board") unread.clear();
    show();
  },
  onState: show,
  onAcknowledged: (id) => settle(id, (cardId) => answers.set(cardId, { .../** @type {any} */ (answers.get(cardId)), isPending: false })),
  onRefused: (id) => {
    const before = serving.get(id);
    if (before) board.change(before.contactId, { is_being_served: before.was });
    announce(say("refused"));
    settle(id, (cardId) => answers.delete(cardId));
  },
  onBecause: (because) => {
    becauses.set(because.card_id, because);
    show();
  },
  onJoined: () => {
    wanted.clear();
    const shown = [...seen].map(([card_id, at_s]) => ({ card_id, at_s }));
    const report = { kind: "report", tablet_id: tabletId, shown: shown.slice(-64) };
    const first = hasJoined ? report : renewal();
    hasJoined = true;
    const open = explained === null ? undefined : board.contacts.get(explained);
    return [first, ...(open ? questions(open, open.cards) : [])];
  },
});

const sight = new Sight((cardId) => {
  if (!cardId || seen.has(cardId)) return;
  seen.set(cardId, link.nowS());
  link.tell({ kind: "seen", card_ids: [cardId] });
});

/** Every card this page has, so that the box knows which recalled ones are gone. */
function renewal() {
  const cards = [...board.contacts.values()].flatMap((c) => c.cards.map((card) => card.card_id));
  return { kind: "renew", tablet_id: tabletId, card_ids: cards.slice(0, 512) };
}

/** What is still to be asked about the cards of a guest of whom more is shown. @param {any} contact @param {any[]} cards */
function questions(contact, cards) {
  const open = cards.filter((card) => !becauses.has(card.card_id) && !wanted.has(card.card_id));
  for (const { card_id } of open) wanted.add(card_id);
  return open.map(({ card_id }) => ({ kind: "why", id: crypto.randomUUID(), contact_id: contact.contact_id, card_id }));
}

/** Draw what is known now. */
function show() {
  choose();
  forget();
  const silentS = link.state === "live" ? 0 : link.silentS();
  draw(
    { contacts: board.inOrder(), selected, store: board.store, areNamesHidden: areNamesHidden || isCustomerView,
      isCustomerView, nowS: link.nowS(), silentS, answers, becauses, explained, unread, area },
    taps,
  );
  drawChrome(silentS);
  sight.look(byId("stage"));
}

const taps = {
  open(/** @type {string} */ contactId) {
    selected = contactId;
    unread.delete(contactId);
    show();
    // Where the list stands above the stage, the tap should lead to what it opened.
    if (byId("stage").getBoundingClientRect().top > innerHeight / 2) byId("stage").scrollIntoView();
  },
  react(/** @type {any} */ contact, /** @type {string} */ cardId, /** @type {any} */ action) {
    const id = crypto.randomUUID();
    answers.set(cardId, { action, isPending: true });
    sent.set(id, cardId);
    link.deliver(/** @type {any} */ ({ kind: "reaction", id, contact_id: contact.contact_id, card_id: cardId, action, at_s: link.nowS() }));
    show();
  },
  serve(/** @type {any} */ contact) {
    const state = contact.is_being_served ? "free" : "serving";
    const id = crypto.randomUUID();
    serving.set(id, { contactId: contact.contact_id, was: contact.is_being_served });
    board.change(contact.contact_id, { is_being_served: state === "serving" });
    link.deliver(/** @type {any} */ ({ kind: "serving", id, contact_id: contact.contact_id, state }));
    show();
  },
  choose(/** @type {string} */ zoneId) {
    area = zoneId;
    show();
  },
  explain(/** @type {any} */ contact, /** @type {any[]} */ cards, /** @type {boolean} */ isOpen) {
    if (isOpen) explained = contact.contact_id;
    else if (explained === contact.contact_id) explained = null;
    if (!isOpen) return;
    for (const question of questions(contact, cards)) link.tell(question);
  },
  toggleCustomerView() {
    isCustomerView = !isCustomerView;
    show();
    const toggle = byId("stage").querySelector("[data-focus='customer-view']");
    /** @type {HTMLElement | null} */ (toggle)?.focus();
  },
};

/** Keep the open guest; open the first where none is. In the customer's sight nobody else appears. */
function choose() {
  if (selected && board.contacts.has(selected)) return;
  isCustomerView = false;
  const free = board.inOrder().filter((c) => !area || c.zone?.id === area);
  selected = (free.find((c) => c.cards.length) ?? free[0] ?? board.inOrder()[0])?.contact_id ?? null;
  if (selected) unread.delete(selected);
}

/** Keep nothing about cards that are no longer on the board. */
function forget() {
  const present = new Set([...board.contacts.values()].flatMap((c) => c.cards.map((card) => card.card_id)));
  for (const cardId of answers.keys()) if (!present.has(cardId)) answers.delete(cardId);
  for (const cardId of becauses.keys()) if (!present.has(cardId)) forgetBecause(cardId);
  for (const cardId of seen.keys()) if (!present.has(cardId)) seen.delete(cardId);
  for (const contactId of unread) if (!board.contacts.has(contactId)) unread.delete(contactId);
}

/** @param {string} cardId */
function forgetBecause(cardId) {
  becauses.delete(cardId);
  wanted.delete(cardId);
}

/** @param {string} id @param {(cardId: string) => void} change */
function settle(id, change) {
  const cardId = sent.get(id);
  sent.delete(id);
  serving.delete(id);
  if (cardId && answers.has(cardId)) change(cardId);
  show();
}

/** @param {{card: any, reason: any}} happening */
function recalled({ card, reason }) {
  const node = document.querySelector(`[data-card-id="${CSS.escape(card.card_id)}"]`);
  if (node) leave(/** @type {HTMLElement} */ (node));
  announce(say("recalled", { reason: of(reason.text) }));
}

/** Its content is gone at once for everybody who cannot see; the rest is a short movement. @param {HTMLElement} node */
function leave(node) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
    node.remove();
    return;
  }
  node.classList.add("leaving");
  node.inert = true;
  delete node.dataset.cardId;
  setTimeout(() => {
    node.remove();
    show();
  }, LEAVE_MS);
}

/** @param {import("./board.js").Contact} contact */
function arrived(contact) {
  unread.add(contact.contact_id);
  const isOurs = contact.zone && (!area || contact.zone.id === area);
  if (!isOurs || isCustomerView || board.contacts.size < 2 || performance.now() - newsMs < NEWS_MS) return;
  newsMs = performance.now();
  announce(say("newGuest", { where: of(contact.zone?.name) }));
}

/** Say something once, on screen and to a screen reader. @param {string} text */
function announce(text) {
  clearTimeout(saidTimer);
  byId("said").textContent = text;
  saidTimer = window.setTimeout(() => (byId("said").textContent = ""), SAID_MS);
}

/** @param {number} silentS */
function drawChrome(silentS) {
  document.title = say("title");
  byId("skip").textContent = say("skip");
  const other = byId("language");
  other.textContent = say("otherLanguage");
  other.lang = currentLanguage() === "de" ? "en" : "de";
  byId("link").dataset.state = link.state;
  if (byId("link").textContent !== say(link.state)) byId("link").textContent = say(link.state);
  const leaseS = Math.ceil(Math.max(0, 60 - silentS));
  const hold = leaseS > 0 ? say("offlineHold", { s: leaseS }) : say("offlineGone");
  const queue = link.queued ? ` ${say("offlineQueue", { n: link.queued })}` : "";
  byId("offline").hidden = link.state !== "lost" || !board.store;
  byId("offline").textContent = hold + queue;
}

byId("language").addEventListener("click", () => {
  speak(currentLanguage() === "de" ? "en" : "de");
  show();
});
watchIdle((isIdle) => {
  areNamesHidden = isIdle;
  show();
});
// Ages grow, leases run out: both in seconds.
setInterval(() => {
  if (link.state === "lost" || link.nowS() % 15 < 1) show();
}, 1000);
setInterval(() => link.tell(renewal()), RENEW_MS);
addEventListener("pagehide", () => link.tell({ ...renewal(), is_leaving: true }));

speak(navigator.language.startsWith("en") ? "en" : "de");
show();
