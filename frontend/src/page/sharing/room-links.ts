/** Requests to the server about links of rooms (docs/howto/publish-a-session.md). */
import { problem, type Problem } from "../../../client/src/protocol/problems";
import type { RoomAnswer, RoomRequest, RoomServer, SendRoomRequest } from "./room-requests";

export interface RoomLink {
  readonly id: string;
  readonly token: string;
  /** Unix time in seconds. */
  readonly expires: number;
}

/** Rejects with a Problem. */
export async function createLink(
  send: SendRoomRequest,
  room: string,
  expiresS: number,
  scope: "read" | "moderate",
): Promise<RoomLink> {
  const path = `rooms/${room}/links?name=page&expires_s=${expiresS}&scope=${scope}`;
  return JSON.parse(await answerOf(send, { method: "POST", path })) as RoomLink;
}

/** Succeeds if the link has expired. Rejects with a Problem. */
export async function revokeLink(send: SendRoomRequest, room: string, id: string): Promise<void> {
  await answerOf(send, { method: "DELETE", path: `rooms/${room}/links/${id}` }).catch((error: unknown) => {
    if ((error as Problem).code !== "unknown_link" && (error as Problem).code !== "unknown_room") throw error;
  });
}

/** Sends a request with the key of the user. */
export async function sendRoomRequest({ url, key }: RoomServer, { method, path }: RoomRequest): Promise<RoomAnswer> {
  const headers: Record<string, string> = key === "" ? {} : { Authorization: `Bearer ${key}` };
  const response = await fetch(new URL(path, url.replace(/^ws/, "http")), { method, headers });
  return { status: response.status, body: await response.text() };
}

async function answerOf(send: SendRoomRequest, request: RoomRequest): Promise<string> {
  const answer = await send(request).catch(() => null);
  if (answer === null) throw asError(problem("connection_lost"));
  if (answer.status < 300) return answer.body;
  const { code, message } = parseError(answer.body);
  throw asError(problem(code ?? "connection_lost", message ?? ""));
}

function parseError(body: string): { code?: string; message?: string } {
  try {
    return (JSON.parse(body) ?? {}) as { code?: string; message?: string };
  } catch {
    return {};
  }
}

/** An error with the code of the server. */
const asError = ({ code, message }: Problem) => Object.assign(new Error(message), { code });
