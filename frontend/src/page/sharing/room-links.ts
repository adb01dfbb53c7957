/** Requests to the server about links of rooms (docs/howto/publish-a-session.md). */
import { problem, type Problem } from "../../../client/src/protocol/problems";

export interface RoomLink {
  readonly id: string;
  readonly token: string;
  /** Unix time in seconds. */
  readonly expires: number;
}

export interface RoomServer {
  /** Of the WebSocket. */
  readonly url: string;
  readonly key: string;
}

/** Rejects with a Problem. */
export async function createLink(server: RoomServer, room: string, expiresS: number): Promise<RoomLink> {
  const response = await request(server, "POST", `rooms/${room}/links?name=page&expires_s=${expiresS}`);
  return (await response.json()) as RoomLink;
}

/** Succeeds if the link has expired. Rejects with a Problem. */
export async function revokeLink(server: RoomServer, room: string, id: string): Promise<void> {
  await request(server, "DELETE", `rooms/${room}/links/${id}`).catch((error: unknown) => {
    if ((error as Problem).code !== "unknown_link" && (error as Problem).code !== "unknown_room") throw error;
  });
}

async function request({ url, key }: RoomServer, method: string, path: string): Promise<Response> {
  const headers: HeadersInit = key === "" ? {} : { Authorization: `Bearer ${key}` };
  const address = new URL(path, url.replace(/^ws/, "http"));
  const response = await fetch(address, { method, headers }).catch(() => null);
  if (response === null) throw asError(problem("connection_lost"));
  if (response.ok) return response;
  const body = (await response.json().catch(() => null)) as { code?: string; message?: string } | null;
  throw asError(problem(body?.code ?? "connection_lost", body?.message ?? ""));
}

/** An error with the code of the server. */
const asError = ({ code, message }: Problem) => Object.assign(new Error(message), { code });
