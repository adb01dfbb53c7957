/** The voices that are enrolled with the API key of the page, as `GET /v1/speakers` lists them. */
import { request } from "../server/requests";

/** @param streamUrl Of the WebSocket. Returns no names if the server refuses, or has none. */
export async function readEnrolledVoices(streamUrl: string, key: string): Promise<readonly string[]> {
  try {
    const response = await request({ url: streamUrl, key }, "GET", "speakers");
    return parseVoices(await response.json());
  } catch {
    // The server is down, or is of another host, whose answers pages may not read.
    return [];
  }
}

export function parseVoices(body: unknown): readonly string[] {
  if (!Array.isArray(body)) return [];
  const names = body.map((voice: unknown) => (voice as { name?: unknown } | null)?.name);
  return names.filter((name) => typeof name === "string" && name !== "") as string[];
}
