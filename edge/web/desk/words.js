// Every word of the customers' pages, in plain German and English. The sentences that a consent
// names are not here: they come from the box, with their version.

/** @typedef {"de" | "en"} Language */

const words = {
  title: { de: "Sie bestimmen", en: "You decide" },
  lead: {
    de: "Was darf dieses Haus von Ihnen wissen? Am Anfang ist alles aus. Was Sie erlauben, nehmen Sie mit einem Tippen zurück.",
    en: "What may this store know about you? Everything starts switched off. What you allow, you take back with one tap.",
  },
  number: { de: "Ihre Kundennummer", en: "Your customer number" },
  next: { de: "Weiter", en: "Continue" },
  unknown: { de: "Diese Nummer kennen wir hier nicht.", en: "We do not know this number here." },
  tooOften: { de: "Zu viele Versuche. Bitte warten Sie einen Moment.", en: "Too many tries. Please wait a moment." },
  noAnswer: { de: "Das hat nicht geklappt. Bitte noch einmal.", en: "That did not work. Please try again." },
  notice: { de: "Was dieses Haus liest", en: "What this store reads" },
  otherLanguage: { de: "English", en: "Deutsch" },
  mine: { de: "Was Sie erlauben", en: "What you allow" },
  mineLead: { de: "Jeder Schalter gilt sofort und nur für seinen Satz.", en: "Each switch takes effect at once and only for its sentence." },
  done: { de: "Fertig", en: "Done" },
  allOff: { de: "Alles zurücknehmen", en: "Take everything back" },
  on: { de: "An", en: "On" },
  off: { de: "Aus", en: "Off" },
  saved: { de: "Gespeichert. Gilt ab jetzt.", en: "Saved. In force from now on." },
  noticeChanged: { de: "Der Text hat sich geändert. Bitte lesen Sie ihn noch einmal.", en: "The text has changed. Please read it again." },
  needsRecognise: {
    de: "Wirkt erst, wenn „Erkennen“ an ist.",
    en: "Has an effect only while “Notice me” is on.",
  },
  group_here: { de: "Dass Sie da sind", en: "That you are here" },
  group_staff: { de: "Beratung", en: "Advice" },
  group_taste: { de: "Vorschläge", en: "Suggestions" },
  group_camera: { de: "Kamera", en: "Camera" },
  group_totals: { de: "Zählen, ohne zu erkennen", en: "Counting without knowing" },
  recognise: { de: "Erkennen", en: "Notice me" },
  location: { de: "Bereich im Haus", en: "Area in the store" },
  near_store: { de: "In der Nähe", en: "Near the store" },
  staff_contact: { de: "Beratung anbieten", en: "Offer advice" },
  staff_greeting: { de: "Mit Namen begrüßen", en: "Greet me by name" },
  profile: { de: "Aus Einkäufen lernen", en: "Learn from purchases" },
  offers: { de: "Persönliche Angebote", en: "Personal offers" },
  camera_try_on: { de: "Anprobe im Spiegel", en: "Try-on in the mirror" },
  shade: { de: "Farbton finden", en: "Find a shade" },
  aggregates: { de: "In Tagessummen zählen", en: "Count in daily totals" },
  partners: { de: "In Summen für Marken zählen", en: "Count in totals for brands" },
  proof: { de: "Zeigen Sie kurz, dass Sie es sind", en: "Please show that it is you" },
  proofLead: {
    de: "Tippen Sie den Code aus der App ein, oder die Nummer vom letzten Kassenbon.",
    en: "Type the code from the app, or the number on your last receipt.",
  },
  code: { de: "Code oder Bonnummer", en: "Code or receipt number" },
  wrongCode: { de: "Das passt nicht. Bitte prüfen Sie den Code.", en: "That does not match. Please check the code." },
  app: { de: "Ihre App", en: "Your app" },
  appLead: {
    de: "Verbinden Sie eine App, die Einmalcodes zeigt. Ihr Code zeigt dann, dass Sie es sind, auch ohne Kassenbon.",
    en: "Pair an app that shows one-time codes. Its code then shows that it is you, without a receipt.",
  },
  appPaired: {
    de: "Eine App ist verbunden. Ihr Code zeigt, dass Sie es sind.",
    en: "An app is paired. Its code shows that it is you.",
  },
  pair: { de: "App verbinden", en: "Pair an app" },
  pairAnew: { de: "Andere App verbinden", en: "Pair another app" },
  part: { de: "App trennen", en: "Part the app" },
  pairScan: {
    de: "Scannen Sie dieses Bild mit der App, oder tippen Sie den Schlüssel ab. Zeigen Sie ihn sonst niemandem.",
    en: "Scan this picture with the app, or type the key. Show it to nobody else.",
  },
  pairOpen: { de: "In der App öffnen", en: "Open in the app" },
  pairPicture: { de: "Bild zum Scannen", en: "Picture to scan" },
  pairDone: { de: "Verbunden", en: "Paired" },
  own: { de: "Ihre Daten", en: "Your data" },
  ownLead: { de: "Sehen, mitnehmen, löschen. Dafür brauchen wir den Code.", en: "See, take along, delete. For this we need the code." },
  usesNone: { de: "Bisher haben wir nichts von Ihnen genutzt.", en: "So far we have used nothing of yours." },
  uses: { de: "Wofür genutzt?", en: "What was used?" },
  used: { de: "Genutzt: {used}", en: "Used: {used}" },
  got: { de: "Sie bekamen: {got}", en: "You got: {got}" },
  export: { de: "Alles mitnehmen", en: "Take everything along" },
  erase: { de: "Alles löschen", en: "Delete everything" },
  eraseSure: { de: "Wirklich alles löschen?", en: "Really delete everything?" },
  eraseMore: {
    de: "Einkäufe, Vorlieben und Einwilligungen sind danach für immer weg. Das lässt sich nicht zurückholen.",
    en: "Purchases, preferences and consents are then gone for good. They cannot be brought back.",
  },
  cancel: { de: "Abbrechen", en: "Cancel" },
  erased: { de: "Gelöscht", en: "Deleted" },
  erasedMore: { de: "Wir haben nichts mehr von Ihnen. Ihr Nachweis:", en: "We hold nothing of yours any more. Your proof:" },
  still: { de: "Sind Sie noch da?", en: "Are you still there?" },
  stillMore: { de: "In {s} Sekunden wird diese Seite geleert.", en: "In {s} seconds this page is cleared." },
  stay: { de: "Ja, weiter", en: "Yes, continue" },
  noticeTitle: { de: "Was dieses Haus liest", en: "What this store reads" },
  noticeLead: {
    de: "{store} nutzt ein Gerät namens Stammgast. Es steht im Haus, rechnet im Haus und liest nur, was hier steht.",
    en: "{store} uses a device called Stammgast. It stands in the store, computes in the store, and reads only what is listed here.",
  },
  since: { de: "Es liest hier seit {day}.", en: "It has been reading here since {day}." },
  left: { de: "Was das Haus verlassen hat", en: "What has left the building" },
  leftLead: { de: "Gezählt, nicht geschätzt, seit {day}.", en: "Counted, not estimated, since {day}." },
  messages: { de: "Nachrichten", en: "Messages" },
  bytes: { de: "Datenmenge", en: "Amount of data" },
  reads: { de: "Was gelesen wird", en: "What is read" },
  purposes: { de: "Wofür, und nur wenn Sie es erlauben", en: "What for, and only if you allow it" },
  isOff: { de: "In diesem Haus nicht in Gebrauch", en: "Not in use in this store" },
  noPerson: { de: "Ohne Bezug auf Personen", en: "Without reference to persons" },
  restsOn: { de: "Nur mit: {names}", en: "Only with: {names}" },
  rights: { de: "Was Sie tun können", en: "What you can do" },
  rightsLead: {
    de: "Erlauben, zurücknehmen, ansehen, mitnehmen, löschen: hier, an der Station oder in der App. Ohne Einwilligung werden Sie nicht erkannt.",
    en: "Allow, take back, see, take along, delete: here, at the station or in the app. Without consent you are not recognised.",
  },
  decide: { de: "Selbst bestimmen", en: "Decide yourself" },
  responsible: { de: "Verantwortlich: {controller}", en: "Responsible: {controller}" },
  version: { de: "Fassung {version}", en: "Version {version}" },
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

/** @param {string} name @param {Record<string, string | number>} [values] */
export function say(name, values = {}) {
  const text = words[/** @type {keyof typeof words} */ (name)]?.[language] ?? "";
  return text.replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
}

/** @param {{de: string, en: string}} text */
export const of = (text) => text[language];

/** @param {number} seconds */
export const day = (seconds) => new Date(seconds * 1000).toLocaleDateString(language, { dateStyle: "long" });

/** @param {number} bytes */
export function amount(bytes) {
  const kilobytes = bytes / 1000;
  const [value, unit] = kilobytes < 1000 ? [kilobytes, "kilobyte"] : [kilobytes / 1000, "megabyte"];
  return new Intl.NumberFormat(language, { style: "unit", unit, maximumFractionDigits: 1 }).format(value);
}

/** @param {number} count */
export const figure = (count) => new Intl.NumberFormat(language).format(count);

/** Show the language switch and the chosen language. @param {() => void} redraw */
export function offerLanguages(redraw) {
  const button = /** @type {HTMLElement} */ (document.getElementById("language"));
  const label = () => {
    button.textContent = say("otherLanguage");
    button.lang = language === "de" ? "en" : "de";
  };
  button.addEventListener("click", () => {
    speak(language === "de" ? "en" : "de");
    label();
    redraw();
  });
  speak(navigator.language.startsWith("en") ? "en" : "de");
  label();
}
