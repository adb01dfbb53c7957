/** Keeps sessions in IndexedDB, which has room for years of text, and does not block the page while it writes. */
import type { History, SavedSession } from "../../transcript/history";

export interface SessionDatabase {
  /** Newest first. */
  readonly readAll: () => Promise<History>;
  /** Writes the sessions that differ between `before` and `after`, and removes those that are missing in `after`. */
  readonly write: (before: History, after: History) => void;
}

const NAME = "nova-voice";
const STORE = "sessions";

/** Rejects if the browser stores nothing, as in some private windows. */
export async function openSessionDatabase(): Promise<SessionDatabase> {
  const database = await opened();
  const store = (mode: IDBTransactionMode) => database.transaction(STORE, mode).objectStore(STORE);
  return {
    readAll: async () => {
      const sessions = (await result(store("readonly").getAll())) as SavedSession[];
      return sessions.filter(isSession).sort((a, b) => b.at - a.at);
    },
    write: (before, after) => {
      const removed = before.filter(({ at }) => !after.some((other) => other.at === at));
      const changed = after.filter((session) => !before.includes(session));
      if (removed.length + changed.length === 0) return;
      // One transaction: a tab that closes in the middle writes all or nothing.
      const target = store("readwrite");
      for (const { at } of removed) target.delete(at);
      for (const session of changed) target.put(session);
    },
  };
}

function opened(): Promise<IDBDatabase> {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "at" });
  return result(request);
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });
}

const isSession = ({ at, utterances }: Partial<SavedSession>) => typeof at === "number" && Array.isArray(utterances);
