// Every word of the rule page, in German and English.

const words = {
  title: { de: "Regeln des Hauses", en: "Rules of the house" },
  lead: {
    de: "Was Menschen festlegen, steht über dem Modell. Jede Regel hat Autor, Datum und Grund.",
    en: "What people lay down stands above the model. Each rule has an author, a date and a reason.",
  },
  none: { de: "Noch keine Regeln. Es gelten die Vorgaben.", en: "No rules yet. The defaults apply." },
  pin: { de: "Fest auf Platz {value}", en: "Fixed in place {value}" },
  boost: { de: "Bevorzugen, {value}-fach", en: "Prefer, {value} times" },
  bury: { de: "Zurückstellen, {value}-fach", en: "Hold back, {value} times" },
  ban: { de: "Nicht anbieten", en: "Do not offer" },
  law: { de: "Gesetzlich untersagt", en: "Forbidden by law" },
  complement: { de: "Passt dazu: {to}", en: "Goes with it: {to}" },
  never: { de: "nie: {never}", en: "never: {never}" },
  goods: { de: "{n} Artikel", en: "{n} items" },
  resting: { de: "ruht heute", en: "not in force today" },
  unverified: { de: "nicht geprüft", en: "unverified" },
  chain: { de: "Kette", en: "chain" },
  store: { de: "Filiale", en: "store" },
  until: { de: "bis {day}", en: "until {day}" },
  file: { de: "Regeldatei", en: "Rule file" },
  fileLead: {
    de: "Ändern, an gestern ausprobieren, dann in Kraft setzen.",
    en: "Change it, try it on yesterday, then put it in force.",
  },
  tryOut: { de: "Ausprobieren", en: "Try it out" },
  publish: { de: "In Kraft setzen", en: "Put in force" },
  published: { de: "In Kraft. Gilt ab der nächsten Entscheidung.", en: "In force from the next decision on." },
  failed: { de: "Das hat nicht geklappt. Es gilt weiter die letzte gute Fassung.", en: "That did not work. The last good version stays in force." },
  problems: { de: "So kann die Datei nicht gelten", en: "The file cannot be used like this" },
  outlook: { de: "Was sich gestern geändert hätte", en: "What would have changed yesterday" },
  noPast: { de: "Es gibt noch keine früheren Entscheidungen zum Vergleich.", en: "There are no past decisions to compare with yet." },
  decisions: { de: "Entscheidungen angesehen", en: "Decisions looked at" },
  changed: { de: "davon anders", en: "of them different" },
  silenced: { de: "davon ohne Karte", en: "of them without a card" },
  silencing: { de: "Achtung: fast alles würde verstummen.", en: "Careful: nearly everything would fall silent." },
  partly: {
    de: "In {n} Entscheidungen bleibt, was Käufe und Angaben betrifft, wie es war: Es gibt keine Einwilligung, sie jetzt zu lesen.",
    en: "In {n} decisions, whatever concerns purchases and personal details stays as it was: there is no consent to read them now.",
  },
  nothing: { de: "keine Karte", en: "no card" },
  otherLanguage: { de: "English", en: "Deutsch" },
};

/** @type {"de" | "en"} */
let language = "de";

export const currentLanguage = () => language;

/** @param {"de" | "en"} wanted */
export function speak(wanted) {
  language = wanted;
  document.documentElement.lang = wanted;
}

/** @param {string} name @param {Record<string, string | number>} [values] */
export function say(name, values = {}) {
  const text = words[/** @type {keyof typeof words} */ (name)]?.[language] ?? "";
  return text.replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
}

/** @param {{de: string, en: string}} text */
export const of = (text) => text[language];

/** @param {string} iso */
export const day = (iso) => new Date(`${iso}T12:00`).toLocaleDateString(language, { dateStyle: "medium" });

/** @param {number} value */
export const figure = (value) => new Intl.NumberFormat(language).format(value);
