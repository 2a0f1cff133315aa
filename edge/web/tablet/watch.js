// What the tablet notices by itself: which cards are on screen, and whether anybody looks.

const IDLE_MS = 30_000;
// A card counts as seen when most of it has been on screen for a moment.
const SEEN_SHARE = 0.6;
const SEEN_MS = 500;

/** Reports each card once when it is really on screen. */
export class Sight {
  /** @type {Map<Element, number>} */
  #timers = new Map();
  /** @type {Set<Element>} */
  #watched = new Set();

  /** @param {(cardId: string) => void} onSeen */
  constructor(onSeen) {
    this.observer = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          clearTimeout(this.#timers.get(entry.target));
          if (!entry.isIntersecting) continue;
          const card = /** @type {HTMLElement} */ (entry.target);
          const timer = window.setTimeout(() => {
            if (card.isConnected && !document.hidden) onSeen(card.dataset.cardId ?? "");
          }, SEEN_MS);
          this.#timers.set(card, timer);
        }
      },
      { threshold: SEEN_SHARE },
    );
  }

  /**
   * Watch the cards that are there now. One that is watched already keeps its moment, however often
   * the page is drawn.
   * @param {Element} root
   */
  look(root) {
    const present = new Set(root.querySelectorAll("[data-card-id]"));
    for (const card of this.#watched) {
      if (present.has(card)) continue;
      this.observer.unobserve(card);
      clearTimeout(this.#timers.get(card));
      this.#timers.delete(card);
    }
    for (const card of present) if (!this.#watched.has(card)) this.observer.observe(card);
    this.#watched = present;
  }
}

/**
 * Calls back when the tablet is put down (30 s without a touch, or not visible) and picked up again.
 * @param {(isIdle: boolean) => void} onChange
 */
export function watchIdle(onChange) {
  let timer = 0;
  let isIdle = false;
  const set = (/** @type {boolean} */ value) => {
    if (value !== isIdle) onChange((isIdle = value));
  };
  const touched = () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => set(true), IDLE_MS);
    set(document.hidden);
  };
  for (const event of ["pointerdown", "pointermove", "keydown", "scroll"]) {
    addEventListener(event, touched, { passive: true, capture: true });
  }
  document.addEventListener("visibilitychange", () => (document.hidden ? set(true) : touched()));
  touched();
}
