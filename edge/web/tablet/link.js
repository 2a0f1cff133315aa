// The socket to the box: resumes where it was cut, repeats what was not acknowledged.

const BEAT_TIMEOUT_MS = 10_000; // two and a half of the box's beats (4 s)
const RETRY_MS = [250, 500, 1000, 2000, 4000];

/** @typedef {"waiting" | "live" | "lost"} LinkState */

export class Link {
  #epoch = "";
  #seq = 0;
  #tries = 0;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Map<string, object>} */
  #unacknowledged = new Map();
  #watchdog = 0;
  /** Box time minus the tablet's monotonic clock, in seconds. */
  #offsetS = 0;
  /** @type {LinkState} */
  state = "waiting";
  /** By both clocks: one may stand still in standby, the other may be set. */
  #heardMs = { monotonic: performance.now(), wall: Date.now() };

  /**
   * @param {string} address
   * @param {{onFrame: (frame: any) => void, onState: () => void, onRefused: (id: string) => void,
   *          onAcknowledged: (id: string) => void, onJoined: () => object[],
   *          onBecause: (because: import("./board.js").Because) => void}} listener
   *   `onJoined` gives the messages to send first on every new connection
   */
  constructor(address, listener) {
    this.address = address;
    this.listener = listener;
    this.#connect();
    addEventListener("online", () => this.#retryNow());
    document.addEventListener("visibilitychange", () => document.hidden || this.#retryNow());
  }

  /** The box's time now, in seconds. */
  nowS() {
    return performance.now() / 1000 + this.#offsetS;
  }

  /** Seconds since the box was last heard: the larger of what two clocks say. */
  silentS() {
    const { monotonic, wall } = this.#heardMs;
    return Math.max(performance.now() - monotonic, Date.now() - wall) / 1000;
  }

  get queued() {
    return this.#unacknowledged.size;
  }

  /** Send what needs no acknowledgement; lost while offline. @param {object} message */
  tell(message) {
    if (this.state === "live") this.#socket?.send(JSON.stringify(message));
  }

  /** Send until the box has acknowledged it. @param {{id: string}} message */
  deliver(message) {
    this.#unacknowledged.set(message.id, message);
    this.tell(message);
  }

  #connect() {
    const socket = new WebSocket(`${this.address}?epoch=${encodeURIComponent(this.#epoch)}&seq=${this.#seq}`);
    this.#socket = socket;
    socket.onmessage = (event) => this.#hear(socket, JSON.parse(event.data));
    socket.onclose = () => this.#lose(socket);
    this.#watch(socket);
  }

  /** @param {WebSocket} socket @param {any} frame */
  #hear(socket, frame) {
    if (socket !== this.#socket) return;
    this.#heardMs = { monotonic: performance.now(), wall: Date.now() };
    this.#watch(socket);
    if (frame.now_s !== undefined) this.#offsetS = frame.now_s - performance.now() / 1000;
    if (frame.kind === "because") {
      this.listener.onBecause(frame);
      return;
    }
    if (frame.kind === "ack" || frame.kind === "error") {
      this.#unacknowledged.delete(frame.id);
      if (frame.kind === "ack") this.listener.onAcknowledged(frame.id);
      else this.listener.onRefused(frame.id);
      return;
    }
    if (frame.seq !== undefined) [this.#epoch, this.#seq] = [frame.epoch, frame.seq];
    const isFirst = this.state !== "live";
    this.state = "live";
    this.listener.onFrame(frame);
    if (isFirst) this.#joined();
  }

  #joined() {
    this.#tries = 0;
    for (const message of this.listener.onJoined()) this.tell(message);
    for (const message of this.#unacknowledged.values()) this.tell(message);
    this.listener.onState();
  }

  /** A connection can die without a word: no beat for long enough means lost. @param {WebSocket} socket */
  #watch(socket) {
    clearTimeout(this.#watchdog);
    this.#watchdog = window.setTimeout(() => {
      socket.close();
      this.#lose(socket);
    }, BEAT_TIMEOUT_MS);
  }

  /** @param {WebSocket} socket */
  #lose(socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    clearTimeout(this.#watchdog);
    this.state = "lost";
    this.listener.onState();
    const wait = RETRY_MS[Math.min(this.#tries++, RETRY_MS.length - 1)] ?? 4000;
    setTimeout(() => this.#retryNow(), wait * (0.75 + Math.random() / 2));
  }

  #retryNow() {
    if (!this.#socket) this.#connect();
  }
}
