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
  good: { de: "1 Artikel", en: "1 item" },
  goods: { de: "{n} Artikel", en: "{n} items" },
  resting: { de: "ruht heute", en: "not in force today" },
  unverified: { de: "nicht geprüft", en: "unverified" },
  chain: { de: "Kette", en: "chain" },
  store: { de: "Filiale", en: "store" },
  until: { de: "bis {day}", en: "until {day}" },
  default: { de: "Vorgabe", en: "default" },
  sections: { de: "Auf dieser Seite", en: "On this page" },
  shown: { de: "Zeigen und nicht zeigen", en: "Show and do not show" },
  shownLead: { de: "Fester Platz, Vorzug, Zurückstellen, Verbot.", en: "Fixed places, preference, holding back, bans." },
  map: { de: "Was wozu passt", en: "What goes with what" },
  mapLead: {
    de: "Nach einem Kauf kommt zuerst, was dazu passt. Eine Regel des Hauses ersetzt, was der Katalog sagt.",
    en: "After a purchase, what goes with it comes first. A rule of the house replaces what the catalogue says.",
  },
  noMap: { de: "Keine Regel des Hauses.", en: "No rule of the house." },
  given: { de: "Aus dem Katalog ({n})", en: "From the catalogue ({n})" },
  matrix: { de: "Was nach einem Kauf folgt", en: "What follows a purchase" },
  matrixLead: {
    de: "Für Warengruppe und Kundenkreis. Je genauer die Ware benannt ist, desto eher gilt die Zeile; die oberste geht vor.",
    en: "By product group and audience. The closer a line names the goods, the sooner it holds; the topmost goes first.",
  },
  noMatrix: { de: "Noch keine Zeile. Es gilt die Klassentabelle.", en: "No line yet. The class table applies." },
  classes: { de: "Wie lange Waren ruhen", en: "How long goods rest" },
  classesLead: {
    de: "Die Klassentabelle: erst die Arten von Waren, dann Klassen mit eigener Zeile. Hat eine Klasse im Katalog eine Frist, geht diese der ihrer Art vor.",
    en: "The class table: kinds of goods first, then classes with a line of their own. An interval that the catalogue gives a class goes before that of its kind.",
  },
  follows: { de: "Danach: {what}.", en: "Then: {what}." },
  silence: { de: "Danach: nichts.", en: "Then: nothing." },
  then_repeat: { de: "dasselbe wieder", en: "the same again" },
  then_complement: { de: "Passendes", en: "what goes with it" },
  then_care: { de: "ein Pflegetipp", en: "a care tip" },
  rests: { de: "Ruht {days}", en: "Rests for {days}" },
  noRest: { de: "Ruht nur kurz nach dem Kauf.", en: "Rests only briefly after a purchase." },
  reopens: { de: ", wieder offen nach {share}\u00a0%", en: ", open again after {share}%" },
  everything: { de: "Alles", en: "Everything" },
  everybody: { de: "für alle", en: "for everybody" },
  for_men: { de: "für Herren", en: "for men" },
  for_women: { de: "für Damen", en: "for women" },
  for_kids: { de: "für Kinder", en: "for children" },
  for: { de: "für {name}", en: "for {name}" },
  axis_category: { de: "Warengruppe {name}", en: "category {name}" },
  axis_department: { de: "Abteilung {name}", en: "department {name}" },
  axis_brand: { de: "Marke {name}", en: "brand {name}" },
  axis_tag: { de: "Merkmal {name}", en: "tag {name}" },
  axis_campaign: { de: "Aktion {name}", en: "campaign {name}" },
  kind_durable: { de: "Langlebiges", en: "Durable goods" },
  kind_accessory: { de: "Zubehör", en: "Accessories" },
  kind_consumable: { de: "Verbrauchsgüter", en: "Consumables" },
  kind_series: { de: "Reihen", en: "Series" },
  kind_gift: { de: "Geschenke", en: "Gifts" },
  kind_sensitive: { de: "Sensibles", en: "Sensitive goods" },
  file: { de: "Regeldatei", en: "Rule file" },
  fileText: { de: "Inhalt der Regeldatei", en: "Content of the rule file" },
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
  partlyOne: {
    de: "In 1 Entscheidung bleibt, was Käufe und Angaben betrifft, wie es war: Es gibt keine Einwilligung, sie jetzt zu lesen.",
    en: "In 1 decision, whatever concerns purchases and personal details stays as it was: there is no consent to read them now.",
  },
  partly: {
    de: "In {n} Entscheidungen bleibt, was Käufe und Angaben betrifft, wie es war: Es gibt keine Einwilligung, sie jetzt zu lesen.",
    en: "In {n} decisions, whatever concerns purchases and personal details stays as it was: there is no consent to read them now.",
  },
  better: {
    de: "Hätte mehr gebracht: bei 100 Entscheidungen etwa {n} angenommene Karten mehr.",
    en: "Would have earned more: about {n} more cards taken up in 100 decisions.",
  },
  worse: {
    de: "Hätte weniger gebracht: bei 100 Entscheidungen etwa {n} angenommene Karten weniger.",
    en: "Would have earned less: about {n} fewer cards taken up in 100 decisions.",
  },
  same: {
    de: "Brächte nach den Karten von gestern und heute dasselbe.",
    en: "Would earn the same, by the cards of yesterday and today.",
  },
  undecided: {
    de: "Ob das mehr bringt, ist nach den Karten von gestern und heute offen. Mehr davon sieht der Befehl stammgast-edge policy an.",
    en: "Whether this earns more is open after the cards of yesterday and today. The command stammgast-edge policy looks at more of them.",
  },
  too_little: {
    de: "Ob das mehr bringt, sagen die Karten von gestern und heute allein nicht. Mehr davon sieht der Befehl stammgast-edge policy an.",
    en: "Whether this earns more, the cards of yesterday and today alone do not tell. The command stammgast-edge policy looks at more of them.",
  },
  unsupported: {
    de: "Ob das mehr bringt, sagen die bisherigen Karten nicht: Es käme anderes dran als je gezeigt wurde (explore_share).",
    en: "Whether this earns more, past cards do not tell: it would show what was never shown (explore_share).",
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

/** @param {string} name a declared band, or `*` */
export const audience = (name) => (name === "*" ? say("everybody") : say(`for_${name}`) || say("for", { name }));

/** @param {string[]} parts */
export const list = (parts) => new Intl.ListFormat(language).format(parts);

/** @param {number} n of days; whole years are told as such */
export function days(n) {
  const [count, unit] = n >= 365 && n % 365 === 0 ? [n / 365, "year"] : [n, "day"];
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(count);
}

/** @param {number} value */
export const figure = (value) => new Intl.NumberFormat(language).format(value);
