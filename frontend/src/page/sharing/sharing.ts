/** Shares the captions of the page: its sessions are published in a room, and a link lets others read it. */
import type { Problem } from "../../../client/src/protocol/problems";
import { roomName, sharedAddress } from "../../room/room-address";
import { createStore, type Store } from "../../session/store";
import type { ServerAddress } from "../../server/requests";
import { createLink, revokeLink } from "./room-links";

export interface Share {
  readonly room: string;
  readonly id: string;
  readonly token: string;
  /** Unix time in seconds. */
  readonly expires: number;
}

export interface Sharing {
  readonly share: Store<Share | null>;
  readonly problem: Store<Problem | null>;
  readonly isBusy: Store<boolean>;
  /** The address for readers; "" while nothing is shared. */
  readonly address: () => string;
  readonly start: (expiresS: number) => void;
  /** Revokes the link. Its readers are disconnected. */
  readonly stop: () => void;
}

const ENTRY = "nova.share";

/** @param base Address of the gateway with a slash at its end. */
export function createSharing(server: () => ServerAddress, base: string, now: () => number): Sharing {
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

  return {
    share,
    problem,
    isBusy,
    address: () => {
      const shared = share.get();
      return shared === null ? "" : sharedAddress(base, shared);
    },
    start: (expiresS) =>
      void attempt(async () => {
        const room = roomName(crypto.getRandomValues(new Uint8Array(20)));
        const { id, token, expires } = await createLink(server(), room, expiresS);
        return { room, id, token, expires };
      }),
    stop: () =>
      void attempt(async () => {
        const shared = share.get();
        if (shared !== null) await revokeLink(server(), shared.room, shared.id);
        return null;
      }),
  };
}

/** A reload of the tab must not end the captions of the audience. */
function readShare(now: () => number): Share | null {
  try {
    const stored = JSON.parse(sessionStorage.getItem(ENTRY) ?? "null") as Share | null;
    return stored !== null && stored.expires * 1_000 > now() ? stored : null;
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
