// Every word of the tablet page, in German and English, and numbers as each language writes them.

/** @typedef {"de" | "en"} Language */
/** @typedef {{de: string, en: string}} Text */

const words = {
  title: { de: "Stammgast: Wer ist da", en: "Stammgast: who is here" },
  skip: { de: "Zum Gast", en: "To the guest" },
  otherLanguage: { de: "English", en: "Deutsch" },
  here: { de: "Möchten Kontakt", en: "Want contact" },
  area: { de: "Bereich", en: "Area" },
  allAreas: { de: "Alle Bereiche", en: "All areas" },
  oneCard: { de: "1 Karte", en: "1 card" },
  cards: { de: "{n} Karten", en: "{n} cards" },
  live: { de: "Verbunden", en: "Connected" },
  waiting: { de: "Verbindet …", en: "Connecting …" },
  lost: { de: "Keine Verbindung", en: "No connection" },
  offlineHold: {
    de: "Die Box antwortet nicht. Karten bleiben noch {s} s sichtbar; was Sie antippen, wird nachgereicht.",
    en: "The box does not answer. Cards stay for {s} s; what you tap is sent later.",
  },
  offlineGone: {
    de: "Die Box antwortet nicht. Die Karten sind ausgeblendet, bis sie wieder antwortet.",
    en: "The box does not answer. Cards are hidden until it does.",
  },
  offlineQueue: { de: "{n} Eingaben warten.", en: "{n} entries are waiting." },
  nobody: { de: "Gerade möchte niemand angesprochen werden", en: "Nobody wants contact right now" },
  nobodyMore: {
    de: "Sobald ein Gast, der Kontakt wünscht, hereinkommt, steht er hier.",
    en: "As soon as a guest who wants contact comes in, they appear here.",
  },
  starting: { de: "Einen Moment", en: "One moment" },
  startingMore: { de: "Das Tablet verbindet sich mit der Box.", en: "The tablet connects to the box." },
  hidden: { de: "Ausgeblendet", en: "Hidden" },
  noCard: { de: "Keine Karte", en: "No card" },
  quiet: { de: "Schaut sich in Ruhe um", en: "Is just looking" },
  beingServed: { de: "Wird bedient", en: "Being served" },
  arrived: { de: "Neu", en: "New" },
  guest: { de: "Gast", en: "Guest" },
  sinceNow: { de: "gerade gekommen", en: "just arrived" },
  since: { de: "seit {n} Min. da", en: "here for {n} min" },
  sinceHours: { de: "seit {n} Std. da", en: "here for {n} h" },
  speaks: { de: "spricht {language}", en: "speaks {language}" },
  serve: { de: "Ich übernehme", en: "I will help" },
  free: { de: "Fertig bedient", en: "Done serving" },
  customerView: { de: "Kundensicht", en: "Customer view" },
  staffView: { de: "Zurück zur Beratung", en: "Back to staff view" },
  forYou: { de: "Das könnte passen", en: "This could suit you" },
  shown: { de: "Gezeigt", en: "Shown" },
  reserve: { de: "Reservieren", en: "Reserve" },
  not_now: { de: "Nicht jetzt", en: "Not now" },
  wrong: { de: "Passt nicht", en: "Not a match" },
  gift: { de: "Geschenk", en: "Gift" },
  didShown: { de: "Als gezeigt notiert", en: "Noted as shown" },
  didReserve: { de: "Reservierung notiert", en: "Reservation noted" },
  didNot_now: { de: "Notiert: nicht jetzt", en: "Noted: not now" },
  didWrong: { de: "Notiert: passt nicht", en: "Noted: not a match" },
  didGift: { de: "Notiert: war ein Geschenk", en: "Noted: was a gift" },
  pending: { de: "wird gesendet, sobald die Box antwortet", en: "sent as soon as the box answers" },
  refused: { de: "Nicht angenommen, bitte noch einmal", en: "Not accepted, please try again" },
  recalled: { de: "Karte zurückgezogen: {reason}", en: "Card withdrawn: {reason}" },
  newGuest: { de: "Neu da: {where}", en: "Just arrived: {where}" },
  inStock: { de: "{n} Stück", en: "{n} in stock" },
  lastOne: { de: "Letztes Stück", en: "Last one" },
  noStock: { de: "Bestand unbekannt", en: "Stock unknown" },
  sizeHere: { de: "Größe {size} da", en: "Size {size} here" },
  sizeMissing: { de: "Größe {size} fehlt (da: {sizes})", en: "Size {size} missing (here: {sizes})" },
  sizes: { de: "Größen: {sizes}", en: "Sizes: {sizes}" },
  more: { de: "Warum diese Karten, und was weggelassen wurde", en: "Why these cards, and what was left out" },
  counted: { de: "Was gezählt hat", en: "What counted" },
  aboveAll: { de: "vor allem", en: "above all" },
  also: { de: "auch", en: "also" },
  aLittle: { de: "etwas", en: "a little" },
  against: { de: "spricht dagegen", en: "speaks against it" },
  addsUp: { de: "Die Anteile ergeben zusammen das Ganze.", en: "The shares add up to the whole." },
  overlaps: {
    de: "Nicht genau zu trennen: {n} % hängen an mehreren Quellen zugleich.",
    en: "Cannot be told apart exactly: {n} % rest on several sources at once.",
  },
  because_history: { de: "Frühere Einkäufe", en: "Earlier purchases" },
  because_others: { de: "Was andere dazu kaufen", en: "What others buy with it" },
  because_popularity: { de: "Verkäufe der Filiale", en: "This store's sales" },
  because_basket: { de: "Korb von heute", en: "Today's basket" },
  because_zone: { de: "Abteilung", en: "Department" },
  because_stated: { de: "Eigene Angabe", en: "Own words" },
  because_time: { de: "Tageszeit und Saison", en: "Time of day and season" },
  because_shade: { de: "Farbton", en: "Shade" },
  because_profile: { de: "Was der Gast uns erlaubt hat", en: "What the guest allowed us to use" },
  none_by_rule: { de: "Kein Modell, sondern eine Regel oder ein Einkauf.", en: "No model: a rule or a purchase." },
  none_no_model: { de: "Kein Modell, nur was sich hier gut verkauft.", en: "No model: only what sells well here." },
  none_withdrawn: { de: "Die Einwilligung ist zurückgezogen.", en: "The consent was withdrawn." },
  none_gone: { de: "Die Karte gilt nicht mehr.", en: "The card no longer stands." },
  allowed: { de: "Erlaubt durch", en: "Allowed by" },
  controls: { de: "Was der Gast tun kann", en: "What the guest can do" },
  sold: { de: "Inzwischen verkauft", en: "Sold meanwhile" },
  consent_withdrawn: { de: "Einwilligung zurückgezogen", en: "Consent withdrawn" },
  stock_gone: { de: "Nicht mehr da", en: "No longer in stock" },
  marked: { de: "Stand hat sich geändert", en: "The basis has changed" },
  source_receipts: { de: "Einkäufe", en: "Purchases" },
  source_stated: { de: "Eigene Angabe", en: "Own words" },
  source_basket: { de: "Korb von heute", en: "Today's basket" },
  source_scan: { de: "Heute gescannt", en: "Scanned today" },
  source_zone: { de: "Abteilung", en: "Department" },
  source_visit: { de: "Dieser Besuch", en: "This visit" },
  source_sales: { de: "Verkäufe der Filiale", en: "This store's sales" },
  source_house: { de: "Vom Haus", en: "By the house" },
  control_less: { de: "Weniger davon", en: "Less of this" },
  control_never: { de: "Nie wieder zeigen", en: "Never show again" },
  control_correct: { de: "Angaben berichtigen", en: "Correct details" },
  control_opt_out: { de: "Einwilligung zurücknehmen", en: "Withdraw consent" },
  now: { de: "jetzt", en: "now" },
};

/** @type {Language} */
let language = "de";

/** @returns {Language} */
export const currentLanguage = () => language;

/** @param {Language} wanted */
export function speak(wanted) {
  language = wanted;
  document.documentElement.lang = wanted;
}

/**
 * @param {string} name
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function say(name, values = {}) {
  const text = words[/** @type {keyof typeof words} */ (name)]?.[language] ?? "";
  return text.replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
}

/** @param {Text | null | undefined} text */
export const of = (text) => (text ? text[language] || text.de || text.en : "");

/** @param {number} cents @param {string} currency */
export function price(cents, currency) {
  return new Intl.NumberFormat(language, { style: "currency", currency }).format(cents / 100);
}

const STEPS = /** @type {const} */ ([
  ["year", 31557600],
  ["month", 2629800],
  ["week", 604800],
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
]);

/** These are of this moment; an age would only repeat the sentence. */
const LIVE = new Set(["zone", "visit", "basket", "scan"]);

/** @param {number | null | undefined} ageS */
function age(ageS) {
  if (ageS === null || ageS === undefined) return "";
  for (const [unit, seconds] of STEPS) {
    if (ageS >= seconds) {
      return new Intl.RelativeTimeFormat(language).format(-Math.floor(ageS / seconds), unit);
    }
  }
  return say("now");
}

/**
 * Where a fact comes from and how old it is, in a few words.
 * @param {string} source
 * @param {number | null | undefined} ageS
 * @param {string} text the fact; where it names its source itself, only the age is added
 */
export function origin(source, ageS, text) {
  const name = say(`source_${source}`);
  if (LIVE.has(source)) return name;
  return [text.startsWith(name) ? "" : name, age(ageS)].filter(Boolean).join(", ");
}

/** @param {number} seconds */
export function since(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return say("sinceNow");
  return minutes < 90 ? say("since", { n: minutes }) : say("sinceHours", { n: Math.round(minutes / 60) });
}

/** @param {string} code */
export const languageName = (code) => new Intl.DisplayNames(language, { type: "language" }).of(code) ?? code;
