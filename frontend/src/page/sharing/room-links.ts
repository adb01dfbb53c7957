/** Requests to the server about links of rooms (docs/howto/publish-a-session.md). */
import { request, RequestError, type ServerAddress } from "../../server/requests";

export interface RoomLink {
  readonly id: string;
  readonly token: string;
  /** Unix time in seconds. */
  readonly expires: number;
}

/** Rejects with a RequestError. */
export async function createLink(server: ServerAddress, room: string, expiresS: number): Promise<RoomLink> {
  const response = await request(server, "POST", `rooms/${room}/links?name=page&expires_s=${expiresS}`);
  return (await response.json()) as RoomLink;
}

/** Succeeds if the link has expired. Rejects with a RequestError. */
export async function revokeLink(server: ServerAddress, room: string, id: string): Promise<void> {
  await request(server, "DELETE", `rooms/${room}/links/${id}`).catch((error: unknown) => {
    const isGone = error instanceof RequestError && ["unknown_link", "unknown_room"].includes(error.code);
    if (!isGone) throw error;
  });
}
