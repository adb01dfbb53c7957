/**
 * Keeps the history in localStorage, with one entry per session, so that a new sentence rewrites only its own session.
 */
import type { Utterance } from "../transcript/captions";
import type { History, SavedSession } from "../transcript/history";

const PREFIX = "nova.session.";

const nameOf = (at: number) => `${PREFIX}${at}`;

/** Returns the stored sessions, newest first. Unreadable entries are ignored. */
export function readHistory(storage: Storage): History {
  const names = Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? "").filter((name) =>
    name.startsWith(PREFIX),
  );
  return names.flatMap((name) => readSession(storage, name)).sort((a, b) => b.at - a.at);
}

/** Writes the sessions that differ between `before` and `after`, and removes those that are missing in `after`. */
export function writeHistory(storage: Storage, before: History, after: History): void {
  for (const { at } of before) {
    if (!after.some((other) => other.at === at)) storage.removeItem(nameOf(at));
  }
  for (const session of after) {
    if (!before.includes(session)) writeSession(storage, session);
  }
}

/** If the storage is full, the session is kept only until the window closes. */
function writeSession(storage: Storage, { at, utterances }: SavedSession): void {
  try {
    storage.setItem(nameOf(at), JSON.stringify(utterances));
  } catch {
    storage.removeItem(nameOf(at));
  }
}

function readSession(storage: Storage, name: string): SavedSession[] {
  try {
    const utterances = JSON.parse(storage.getItem(name) ?? "") as Utterance[];
    const at = Number(name.slice(PREFIX.length));
    return Number.isFinite(at) && Array.isArray(utterances) ? [{ at, utterances }] : [];
  } catch {
    return [];
  }
}
