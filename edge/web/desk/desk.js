// Talks to `/api/desk`. Every answer came from disk.

/** @typedef {{purpose: string, is_given: boolean, needs_proof: boolean}} Choice */
/** @typedef {{choices: Choice[], notice_version: string, is_proven: boolean, has_app: boolean, idle_s: number}} Standing */
/** @typedef {{uri: string, secret: string, code: string[]}} Pairing */
/** @typedef {{at_s: number, used: {de: string, en: string}, got: {de: string, en: string}}} Use */

export class Refused extends Error {
  /** @param {number} status */
  constructor(status) {
    super(`status ${status}`);
    this.status = status;
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<any>}
 */
async function ask(method, path, body) {
  const response = await fetch(`/api/desk/${path}`, {
    method,
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body ? JSON.stringify(body) : undefined,
    cache: "no-store",
  }).catch(() => null);
  if (!response) throw new Refused(0);
  if (!response.ok) throw new Refused(response.status);
  return response.status === 204 ? null : response.json();
}

export const desk = {
  /** @param {string} member_id @param {"station" | "phone"} method @returns {Promise<Standing>} */
  begin: (member_id, method) => ask("POST", "session", { member_id, method }),
  /** @param {string} code @returns {Promise<Standing>} */
  prove: (code) => ask("POST", "proof", { code }),
  /**
   * @param {string} purpose @param {boolean} is_given @param {string} notice_version @param {string} language
   * @returns {Promise<Standing>}
   */
  state: (purpose, is_given, notice_version, language) =>
    ask("PUT", `consents/${purpose}`, { is_given, notice_version, language }),
  /** @returns {Promise<Pairing>} */
  pair: () => ask("POST", "app"),
  /** @returns {Promise<Standing>} */
  part: () => ask("DELETE", "app"),
  /** @returns {Promise<Use[]>} */
  uses: () => ask("GET", "uses"),
  /** @returns {Promise<object>} */
  export: () => ask("GET", "export"),
  /** @returns {Promise<{proof_token: string}>} */
  erase: () => ask("POST", "erasure"),
  /** Leave; also when the page is closed. */
  end: () => fetch("/api/desk/session", { method: "DELETE", keepalive: true }).catch(() => null),
};
