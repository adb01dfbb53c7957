/** Shares the captions of a session: it is published in a room, and a link lets others read it. */
import type { Problem } from "../../../client/src/protocol/problems";
import { roomName, sharedAddress } from "../../room/room-address";
import { RequestError, type ServerAddress } from "../../server/requests";
import { createStore, type Store } from "../../session/store";
import { createLink, revokeLink, type RoomLink } from "./room-links";
import type { SendRoomRequest } from "./room-requests";

/** With whom captions are shared. */
interface ShareOwner {
  /** Address of the gateway with a slash at its end. */
  readonly base: string;
  readonly keyMark: number;
}

export interface Share extends ShareOwner {
  readonly room: string;
  readonly id: string;
  readonly token: string;
  /** Unix time in seconds. */
  readonly expires: number;
  /** The link for moderators, if there is one. */
  readonly moderator?: { readonly id: string; readonly token: string };
}

export interface Sharing {
  readonly share: Store<Share | null>;
  readonly problem: Store<Problem | null>;
  readonly isBusy: Store<boolean>;
  readonly start: (expiresS: number) => void;
  /** Creates a link for moderators, which is valid as long as that for readers. */
  readonly addModerator: () => void;
  /** Revokes the links. Their readers are disconnected. */
  readonly stop: () => void;
}

const ENTRY = "nova.share";
// The shortest lifetime of a link.
const MIN_LINK_S = 60;

/**
 * @param send Sends requests to `server`.
 * @param server Finds the current server and key. The user can change both while captions are shared.
 */
export function createSharing(send: SendRoomRequest, server: () => Promise<ServerAddress>, now: () => number): Sharing {
  const share = createStore<Share | null>(readShare(now));
  const problem = createStore<Problem | null>(null);
  const isBusy = createStore(false);
  share.subscribe(() => storeShare(share.get()));

  async function attempt(work: () => Promise<Share | null>): Promise<void> {
    if (isBusy.get()) return;
    isBusy.set(true);
    problem.set(null);
    try {
      share.set(await work());
    } catch (error) {
      problem.set(error as Problem);
    } finally {
      isBusy.set(false);
    }
  }

  /** Returns whether the key is that of the share. Rejects if the server is another one. */
  async function hasSameKey(shared: Share): Promise<boolean> {
    const { base, keyMark } = ownerOf(await server());
    if (base !== shared.base) throw elsewhere();
    return keyMark === shared.keyMark;
  }

  async function withModerator(shared: Share): Promise<Share> {
    await hasSameKey(shared);
    const leftS = Math.max(Math.floor(shared.expires - now() / 1_000), MIN_LINK_S);
    const { id, token }: RoomLink = await createLink(send, shared.room, leftS, "moderate");
    return { ...shared, moderator: { id, token } };
  }

  async function revoke(shared: Share): Promise<null> {
    const isOwner = await hasSameKey(shared);
    for (const { id } of shared.moderator === undefined ? [shared] : [shared.moderator, shared]) {
      // A link that its owner's server does not know has expired. Other keys do not find the room.
      if (!(await revokeLink(send, shared.room, id)) && !isOwner) throw elsewhere();
    }
    return null;
  }

  return {
    share,
    problem,
    isBusy,
    start: (expiresS) =>
      void attempt(async () => {
        const owner = ownerOf(await server());
        const room = roomName(crypto.getRandomValues(new Uint8Array(20)));
        const { id, token, expires } = await createLink(send, room, expiresS, "read");
        return { ...owner, room, id, token, expires };
      }),
    addModerator: () =>
      void attempt(async () => {
        const shared = share.get();
        return shared === null ? null : withModerator(shared);
      }),
    stop: () =>
      void attempt(async () => {
        const shared = share.get();
        return shared === null ? null : revoke(shared);
      }),
  };
}

/** The address for readers. */
export const readerAddress = ({ base, room, token }: Share): string =>
  sharedAddress(base, { room, token, isModerator: false });

/** The address for moderators; "" if there is none. */
export const moderatorAddress = ({ base, room, moderator }: Share): string =>
  moderator === undefined ? "" : sharedAddress(base, { room, token: moderator.token, isModerator: true });

const elsewhere = () => new RequestError("share_elsewhere", "The link belongs to another server or API key.");

const ownerOf = ({ url, key }: ServerAddress): ShareOwner => ({
  base: new URL("..", url.replace(/^ws/, "http")).href,
  keyMark: keyMark(key),
});

/** Shows that a key has changed. 16 bits do not reveal the key, which the desktop client keeps in the keychain. */
const keyMark = (key: string): number =>
  Array.from(key).reduce((mark, letter) => (31 * mark + (letter.codePointAt(0) ?? 0)) % 0x10000, 0);

/** A reload of the tab must not end the captions of the audience. */
function readShare(now: () => number): Share | null {
  try {
    const stored = JSON.parse(sessionStorage.getItem(ENTRY) ?? "null") as Share | null;
    const isUsable = stored !== null && typeof stored.base === "string" && stored.expires * 1_000 > now();
    return isUsable ? stored : null;
  } catch {
    return null;
  }
}

function storeShare(share: Share | null): void {
  try {
    if (share === null) sessionStorage.removeItem(ENTRY);
    else sessionStorage.setItem(ENTRY, JSON.stringify(share));
  } catch {
    // The browser stores nothing. The link then lasts until the page is closed.
  }
}
