/** The connection of a reader: what the page shows about it, and when it connects again. */

export type FeedState =
  | "connecting"
  | "open"
  /** The connection was lost, and captions may be missing until it is back. */
  | "lost"
  /** This caller has no room of this name, or the room has not been used recently. */
  | "unknown_room"
  /** The link has expired or was revoked, or the room cannot be read without one. */
  | "link_ended"
  | "link_needed"
  | "too_many_languages"
  | "too_many_readers"
  | "invalid";

const BY_CODE: Readonly<Record<string, FeedState>> = {
  unknown_room: "unknown_room",
  too_many_languages: "too_many_languages",
  too_many_readers: "too_many_readers",
  invalid_message: "invalid",
  unsupported_language: "invalid",
};

/** @param code Of the error that the server answers, or "". */
export function stateOfRefusal(status: number, code: string, hasToken: boolean): FeedState {
  const known = BY_CODE[code];
  if (known !== undefined) return known;
  if (status === 401 || status === 403) return hasToken ? "link_ended" : "link_needed";
  return "lost";
}

/** @param reason Of the event `end`. */
export const stateOfEnd = (reason: string): FeedState =>
  reason === "link_ended" || reason === "key_ended" ? "link_ended" : "lost";

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 5_000;
// Until the owner does something.
const REFUSED_RETRY_MS = 10_000;

/** Milliseconds until the next try after `failures` in a row; null if no try can succeed. */
export function retryDelayMs(state: FeedState, failures: number, random: number): number | null {
  if (state === "link_ended" || state === "link_needed" || state === "invalid") return null;
  if (state !== "lost") return REFUSED_RETRY_MS;
  const longest = Math.min(FIRST_RETRY_MS * 2 ** failures, MAX_RETRY_MS);
  // A thousand readers of one gateway must not return at the same time.
  return longest * (0.5 + random / 2);
}

/** The state of a page with several connections: the worst one. */
export function worstState(states: readonly FeedState[]): FeedState {
  const failed = states.find((state) => state !== "open" && state !== "connecting");
  return failed ?? (states.includes("connecting") ? "connecting" : "open");
}
