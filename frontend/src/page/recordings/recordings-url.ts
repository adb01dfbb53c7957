/** The address of an upload, with the options of its session. */
import type { SessionOptions } from "../../../client/src/protocol/session-options";

// The gateway accepts 8,192 bytes for the request line and the headers together.
const MAX_URL_BYTES = 6_000;

/**
 * @param streamUrl Of the WebSocket.
 *
 * A character takes up to nine bytes, so that the last names of speakers or hotwords may not fit. They are left out.
 */
export function recordingsUrl(streamUrl: string, options: SessionOptions): string {
  const { language, translate_to = [], hotwords = "", speakers, known_speakers = [], only_speaker = "" } = options;
  const url = new URL("recordings", streamUrl.replace(/^ws/, "http"));
  if (language !== undefined) url.searchParams.set("language", language);
  for (const target of translate_to) url.searchParams.append("translate_to", target);
  if (only_speaker !== "") url.searchParams.set("only_speaker", only_speaker);
  if (speakers) url.searchParams.set("speakers", "true");
  for (const name of speakers ? known_speakers : []) appendIfFits(url, "known_speakers", name);
  return hotwords === "" ? url.href : withHotwords(url, hotwords.split(", "));
}

function appendIfFits(url: URL, name: string, value: string): void {
  const longer = new URL(url);
  longer.searchParams.append(name, value);
  if (longer.href.length < MAX_URL_BYTES) url.search = longer.search;
}

function withHotwords(url: URL, terms: readonly string[]): string {
  let { href } = url;
  for (let count = 1; count <= terms.length; count++) {
    url.searchParams.set("hotwords", terms.slice(0, count).join(", "));
    if (url.href.length >= MAX_URL_BYTES) break;
    href = url.href;
  }
  return href;
}
