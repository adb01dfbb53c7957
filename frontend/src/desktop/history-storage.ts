/** The history, kept by the window: one entry for each session, so that a sentence more writes no more than its own. */
import type { Utterance } from "../transcript/captions";
import type { History, Kept } from "../transcript/history";

const PREFIX = "nova.session.";

const nameOf = (at: number) => `${PREFIX}${at}`;

/** What was kept, the newest first; what cannot be read is passed over. */
export function readHistory(storage: Storage): History {
  const names = Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? "").filter((name) =>
    name.startsWith(PREFIX),
  );
  return names.flatMap((name) => readSession(storage, name)).sort((a, b) => b.at - a.at);
}

/** Writes what is in `after` and not in `before`, and removes what is not there any more. */
export function writeHistory(storage: Storage, before: History, after: History): void {
  for (const { at } of before) {
    if (!after.some((other) => other.at === at)) storage.removeItem(nameOf(at));
  }
  for (const session of after) {
    if (!before.includes(session)) write(storage, session);
  }
}

/** Where there is no more room, the session stays for as long as the window is open. */
function write(storage: Storage, { at, utterances }: Kept): void {
  try {
    storage.setItem(nameOf(at), JSON.stringify(utterances));
  } catch {
    storage.removeItem(nameOf(at));
  }
}

function readSession(storage: Storage, name: string): Kept[] {
  try {
    const utterances = JSON.parse(storage.getItem(name) ?? "") as Utterance[];
    const at = Number(name.slice(PREFIX.length));
    return Number.isFinite(at) && Array.isArray(utterances) ? [{ at, utterances }] : [];
  } catch {
    return [];
  }
}
