/** Requests to the server about links of rooms (docs/howto/publish-a-session.md). */
import { problem, type Problem } from "../../../client/src/protocol/problems";
import { request, RequestError, type ServerAddress } from "../../server/requests";
import type { RoomAnswer, RoomRequest, SendRoomRequest } from "./room-requests";

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
  return JSON.parse(await bodyOf(send, { method: "POST", path })) as RoomLink;
}

/** Resolves to false if the server does not know the link. Rejects with a Problem. */
export async function revokeLink(send: SendRoomRequest, room: string, id: string): Promise<boolean> {
  try {
    await bodyOf(send, { method: "DELETE", path: `rooms/${room}/links/${id}` });
    return true;
  } catch (error) {
    if (["unknown_link", "unknown_room"].includes((error as Problem).code)) return false;
    throw error;
  }
}

/** Sends a request with the key of the user. The answer can be sent between processes, an error cannot. */
export async function sendRoomRequest(server: ServerAddress, { method, path }: RoomRequest): Promise<RoomAnswer> {
  try {
    const response = await request(server, method, path);
    return { body: await response.text(), problem: null };
  } catch (error) {
    const { code, message } = error as RequestError;
    return { body: "", problem: problem(code, message) };
  }
}

async function bodyOf(send: SendRoomRequest, sent: RoomRequest): Promise<string> {
  const answer = await send(sent).catch(() => ({ body: "", problem: problem("connection_lost") }));
  if (answer.problem !== null) throw new RequestError(answer.problem.code, answer.problem.message);
  return answer.body;
}
