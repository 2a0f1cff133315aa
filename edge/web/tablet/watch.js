// What the tablet notices by itself: which cards are on screen, and whether anybody looks.

const IDLE_MS = 30_000;
// A card counts as seen when most of it has been on screen for a moment.
const SEEN_SHARE = 0.6;
const SEEN_MS = 500;

/** Reports each card once when it is really on screen. */
export class Sight {
  /** @type {Map<Element, number>} */
  #timers = new Map();

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

  /** @param {Element} root observe its cards, and only those */
  look(root) {
    this.observer.disconnect();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    for (const card of root.querySelectorAll("[data-card-id]")) this.observer.observe(card);
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
