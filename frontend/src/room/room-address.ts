/** The address of the captions page: the room in its path, options in its query, the token of a link in either. */

export interface RoomAddress {
  readonly room: string;
  readonly token: string;
  /** Whether the reader moderates the room. */
  readonly isModerator: boolean;
}

const ROOM = /^[a-z0-9][a-z0-9-]{0,47}$/;

/** The room is "" if the address has none. A browser never sends the part after "#" to a server. */
export function parseRoomAddress(path: string, query: string, fragment: string): RoomAddress {
  const name = path.split("/").at(-1) ?? "";
  return {
    room: ROOM.test(name) ? name : "",
    token: valueOf(fragment.replace(/^#/, "")) || valueOf(query.replace(/^\?/, "")),
    isModerator: new URLSearchParams(query).get("moderate") === "1",
  };
}

/** The address that is shared. @param base Of the gateway, with a slash at its end. */
export const sharedAddress = (base: string, { room, token, isModerator }: RoomAddress): string =>
  `${base}captions/${room}${isModerator ? "?moderate=1" : ""}${token === "" ? "" : `#token=${token}`}`;

function valueOf(parameters: string): string {
  const found = parameters.split("&").find((part) => part.startsWith("token="));
  return found?.slice("token=".length).match(/^\w+$/)?.[0] ?? "";
}

const LETTERS = "abcdefghijkmnpqrstuvwxyz23456789";

/** A name that cannot be found by trying: 5 bits of each of 20 random bytes. */
export const roomName = (random: Uint8Array): string =>
  [...random.slice(0, 20)].map((byte) => LETTERS[byte % LETTERS.length]).join("");
