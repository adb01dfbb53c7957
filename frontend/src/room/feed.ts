/** Follows a room in one language, and connects again after the last caption when the connection is lost. */
import { parseCaption, type RoomCaption } from "./caption-lines";
import { createEventParser } from "./event-stream";
import { retryDelayMs, stateOfEnd, stateOfRefusal, type FeedState } from "./feed-state";

export interface FeedSource {
  /** Address of `/v1/rooms/{room}/events`. */
  readonly url: string;
  /** Of a link; "" without one. It is sent in a header, because addresses appear in logs. */
  readonly token: string;
  /** "" for the text as it is spoken. */
  readonly language: string;
  /** Whether lines that wait for a moderator are shown. */
  readonly seesHeld: boolean;
  /** Lines that a late reader gets. */
  readonly lines: number;
}

export interface FeedListener {
  readonly onState: (state: FeedState) => void;
  readonly onCaption: (caption: RoomCaption) => void;
}

// The server sends at least a comment every 15 s. Without any, the connection is lost, as after a change of network.
const SILENCE_MS = 40_000;

/** Returns a function that leaves the room. */
export function followRoom(source: FeedSource, listener: FeedListener): () => void {
  const leaving = new AbortController();
  void follow(source, listener, leaving.signal);
  return () => leaving.abort();
}

async function follow(source: FeedSource, { onState, onCaption }: FeedListener, left: AbortSignal): Promise<void> {
  const isLeft = () => left.aborted;
  let cursor = "";
  let failures = 0;
  onState("connecting");
  while (!isLeft()) {
    const state = await readOnce(requestUrl(source, cursor), source.token, left, {
      onState: (next) => {
        failures = 0;
        onState(next);
      },
      onCaption: (caption) => {
        cursor = caption.cursor ?? cursor;
        onCaption(caption);
      },
    });
    if (isLeft()) return;
    onState(state);
    const delay = retryDelayMs(state, failures++, Math.random());
    if (delay === null) return;
    await pause(delay, left);
  }
}

/** Reads until the connection ends. Returns why it did. */
async function readOnce(url: string, token: string, left: AbortSignal, listener: FeedListener): Promise<FeedState> {
  // Browser sources of older streaming programs have no AbortSignal.any.
  const ending = new AbortController();
  const end = () => ending.abort();
  left.addEventListener("abort", end, { once: true });
  let timer = setTimeout(end, SILENCE_MS);
  try {
    const headers: HeadersInit = token === "" ? {} : { Authorization: `Bearer ${token}` };
    const response = await fetch(url, { headers, signal: ending.signal, cache: "no-store" });
    if (!response.ok || response.body === null)
      return stateOfRefusal(response.status, await errorCode(response), token !== "");
    listener.onState("open");
    const parse = createEventParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      clearTimeout(timer);
      timer = setTimeout(end, SILENCE_MS);
      for (const { event, data } of parse(part.value)) {
        if (event === "end") return stateOfEnd(reasonOf(data));
        const caption = event === "caption" ? parseCaption(data) : null;
        if (caption !== null) listener.onCaption(caption);
      }
    }
  } catch {
    // The server is down, or the network.
  } finally {
    clearTimeout(timer);
    left.removeEventListener("abort", end);
    end();
  }
  return "lost";
}

function requestUrl({ url, language, lines, seesHeld }: FeedSource, cursor: string): string {
  const address = new URL(url);
  if (language !== "") address.searchParams.set("lang", language);
  address.searchParams.set("lines", String(lines));
  if (seesHeld) address.searchParams.set("held", "1");
  if (cursor !== "") address.searchParams.set("cursor", cursor);
  return address.href;
}

async function errorCode(response: Response): Promise<string> {
  const body: unknown = await response.json().catch(() => null);
  return (body as { code?: string } | null)?.code ?? "";
}

function reasonOf(data: string): string {
  try {
    return (JSON.parse(data) as { reason?: string }).reason ?? "";
  } catch {
    return "";
  }
}

const pause = (ms: number, left: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    left.addEventListener("abort", end, { once: true });
  });
