/** Reads the names of the enrolled voices. Pages of the desktop client may use WebSockets only. */
import { net } from "electron";
import { parseVoices } from "../../src/speakers/enrolled-voices";

const TIMEOUT_MS = 5_000;

/** @param url Of the WebSocket. Resolves to no names if the server refuses, or does not answer. */
export function readVoices({ url, key }: { url: string; key: string | null }): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const request = net.request({ method: "GET", url: new URL("speakers", url.replace(/^ws/, "http")).href });
    const timer = setTimeout(() => request.abort(), TIMEOUT_MS);
    const finish = (names: readonly string[]) => {
      clearTimeout(timer);
      resolve(names);
    };
    if (key !== null) request.setHeader("Authorization", `Bearer ${key}`);
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => finish(response.statusCode === 200 ? namesIn(Buffer.concat(chunks)) : []));
    });
    request.on("error", () => finish([]));
    request.on("abort", () => finish([]));
    request.end();
  });
}

function namesIn(body: Buffer): readonly string[] {
  try {
    return parseVoices(JSON.parse(body.toString("utf8")));
  } catch {
    return [];
  }
}
