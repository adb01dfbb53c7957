/** What a moderator of a room does: hold lines, show them sooner, correct and remove them. */
import { createStore, type Store } from "../session/store";
import { noHold, parseHold, type RoomHold } from "./room-hold";

export interface Moderation {
  readonly hold: Store<RoomHold>;
  /** Whether the last change has failed. */
  readonly hasFailed: Store<boolean>;
  readonly setHold: (ms: number) => void;
  /** Shows a line and those before it. @param cursor Of the line. */
  readonly release: (cursor: string) => void;
  /** @param text Without text, the line is removed in all languages. */
  readonly correct: (line: string, text: string, language: string) => void;
}

// Another moderator may have changed something.
const REFRESH_MS = 2_000;

/** @param base Address of `/v1/rooms/{room}`. @param token Of a link; "" without one. */
export function createModeration(base: string, token: string): Moderation {
  const hold = createStore<RoomHold>(noHold);
  const hasFailed = createStore(false);

  async function request(method: "GET" | "POST", path: string, body?: unknown): Promise<void> {
    const headers: HeadersInit = token === "" ? {} : { Authorization: `Bearer ${token}` };
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${base}/${path}`, { method, headers, cache: "no-store", ...content });
    if (!response.ok) throw new Error(String(response.status));
    const found = response.status === 204 ? null : parseHold(await response.json(), Date.now());
    if (found !== null) hold.set(found);
  }

  const change = (path: string, body?: unknown) =>
    void request("POST", path, body).then(
      () => hasFailed.set(false),
      () => hasFailed.set(true),
    );

  const refresh = () => void request("GET", "hold").catch(() => undefined);
  refresh();
  setInterval(refresh, REFRESH_MS);

  return {
    hold,
    hasFailed,
    setHold: (ms) => change(`hold?hold_ms=${ms}`),
    release: (cursor) => change(`release?cursor=${cursor}`),
    correct: (line, text, language) => change(`lines/${line}`, text === "" ? { text } : { text, language }),
  };
}
