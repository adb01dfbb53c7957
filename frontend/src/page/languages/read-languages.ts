import { parseServedLanguages, unknownLanguages, type ServedLanguages } from "./served-languages";

/** Asks the server of the page. `streamUrl` is the address of its WebSocket. */
export async function readServedLanguages(streamUrl: string): Promise<ServedLanguages> {
  try {
    const response = await fetch(new URL("languages", streamUrl.replace(/^ws/, "http")));
    return parseServedLanguages(await response.json());
  } catch {
    // The server is down, or is of another host, whose answers pages may not read.
    return unknownLanguages;
  }
}
