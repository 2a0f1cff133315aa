// The state of the board as the frames of the box make it. Knows no DOM and no socket.

/** @typedef {import("./words.js").Text} Text */
/** @typedef {{text: Text, source: string, age_s: number | null}} Insight */
/** @typedef {{code: string, text: Text}} Reason */
/**
 * @typedef {object} Because what each source of data contributed to a card
 * @property {string} card_id
 * @property {{source: string, share: number}[]} shares of all that moved it, the largest first; below 0: against it
 * @property {boolean} adds_up
 * @property {number} overlap 0 to 1
 * @property {string | null} none why there are no figures
 */
/**
 * @typedef {object} Card
 * @property {string} card_id
 * @property {string} kind
 * @property {string} item_id
 * @property {Text} name
 * @property {string} brand
 * @property {number | null} price_cents
 * @property {{text: Text, price_cents: number | null} | null} offer
 * @property {string} currency
 * @property {string | null} picture
 * @property {string} aisle
 * @property {{id: string, name: Text}} zone
 * @property {{units: number, sizes: string[], size_of_customer: string | null} | null} stock
 * @property {Insight[]} why
 * @property {{purpose: string | null, text: Text}} allowed
 * @property {Text | null} text content of a care or service card
 * @property {string[]} controls codes
 * @property {{name: Text, reason: string, text: Text}[]} suppressed
 * @property {number} lease_s
 * @property {string | null} reaction
 * @property {string | null} mark
 */
/**
 * @typedef {object} Contact
 * @property {string} contact_id
 * @property {Text} title
 * @property {{id: string, name: Text} | null} zone
 * @property {number} since_s
 * @property {string | null} language
 * @property {boolean} is_quiet
 * @property {boolean} is_being_served
 * @property {Insight[]} insights
 * @property {Card[]} cards
 * @property {Reason | null} empty
 */
/** @typedef {{name: string, languages: string[]}} Store */
/** @typedef {{kind: "recall", card: Card, contactId: string, reason: Reason} | {kind: "arrival", contact: Contact}} Happening */

export class Board {
  constructor() {
    /** @type {Map<string, Contact>} */
    this.contacts = new Map();
    /** @type {Store | null} */
    this.store = null;
  }

  /**
   * Apply one frame.
   * @param {any} frame
   * @returns {Happening | null} what people should be told
   */
  apply(frame) {
    switch (frame.kind) {
      case "board":
        this.store = frame.store;
        this.contacts = new Map(frame.contacts.map((/** @type {Contact} */ c) => [c.contact_id, c]));
        return null;
      case "contact":
        return this.#put(frame.contact);
      case "gone":
        this.contacts.delete(frame.contact_id);
        return null;
      case "recall":
        return this.#recall(frame.contact_id, frame.card_id, frame.reason);
      case "mark":
        this.#changeCard(frame.contact_id, frame.card_id, { mark: frame.mark });
        return null;
      default:
        return null;
    }
  }

  /** Everybody, the unserved first, then those who have waited longest. */
  inOrder() {
    return [...this.contacts.values()].sort(
      (a, b) => Number(a.is_being_served) - Number(b.is_being_served) || a.since_s - b.since_s,
    );
  }

  /** @param {string} contactId @param {Partial<Contact>} change */
  change(contactId, change) {
    const contact = this.contacts.get(contactId);
    if (contact) this.contacts.set(contactId, { ...contact, ...change });
  }

  /** @param {Contact} contact @returns {Happening | null} */
  #put(contact) {
    const isNew = !this.contacts.has(contact.contact_id);
    this.contacts.set(contact.contact_id, contact);
    return isNew ? { kind: "arrival", contact } : null;
  }

  /** @param {string} contactId @param {string} cardId @param {Reason} reason @returns {Happening | null} */
  #recall(contactId, cardId, reason) {
    const contact = this.contacts.get(contactId);
    const card = contact?.cards.find((c) => c.card_id === cardId);
    if (!contact || !card) return null;
    const cards = contact.cards.filter((c) => c !== card);
    this.change(contactId, { cards, empty: cards.length ? contact.empty : reason });
    return { kind: "recall", card, contactId, reason };
  }

  /** @param {string} contactId @param {string} cardId @param {Partial<Card>} change */
  #changeCard(contactId, cardId, change) {
    const cards = this.contacts.get(contactId)?.cards.map((c) => (c.card_id === cardId ? { ...c, ...change } : c));
    if (cards) this.change(contactId, { cards });
  }
}
