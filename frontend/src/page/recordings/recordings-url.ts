/** The address of an upload, with the options of its session. */
import type { SessionOptions } from "../../../client/src/protocol/session-options";

// The gateway accepts 8,192 bytes for the request line and the headers together.
const MAX_URL_BYTES = 6_000;

/**
 * @param streamUrl Of the WebSocket.
 *
 * A character of a hotword takes up to nine bytes, so that the last hotwords may not fit. They are left out.
 */
export function recordingsUrl(streamUrl: string, options: SessionOptions): string {
  const { language, translate_to = [], hotwords = "" } = options;
  const url = new URL("recordings", streamUrl.replace(/^ws/, "http"));
  if (language !== undefined) url.searchParams.set("language", language);
  for (const target of translate_to) url.searchParams.append("translate_to", target);
  return hotwords === "" ? url.href : withHotwords(url, hotwords.split(", "));
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
