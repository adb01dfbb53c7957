/** Keeps sessions in IndexedDB, which has room for years of text, and does not block the page while it writes. */
import type { History, SavedSession } from "../../transcript/history";

export interface SessionDatabase {
  /** Newest first. */
  readonly readAll: () => Promise<History>;
  /**
   * Writes the sessions that differ between `before` and `after`, and removes those that are missing in `after`. Starts
   * before it returns, so that a page that closes can write. Rejects if the browser did not store them, for example
   * because the disk is full; the next call then writes them as well.
   */
  readonly write: (before: History, after: History) => Promise<void>;
  /** Resolves if the browser closes the database, for example because the user deletes the data of the site. */
  readonly closed: Promise<void>;
}

/** By the time that identifies a session; null for one that is removed. */
type Changes = ReadonlyMap<number, SavedSession | null>;

const NAME = "nova-voice";
const STORE = "sessions";

/** Rejects if the browser stores nothing, as in some private windows. */
export async function openSessionDatabase(): Promise<SessionDatabase> {
  const database = await opened();
  return {
    readAll: async () => {
      const request = database.transaction(STORE).objectStore(STORE).getAll();
      const sessions = (await result(request)) as SavedSession[];
      return sessions.filter(isSession).sort((a, b) => b.at - a.at);
    },
    write: createWriter(database),
    closed: new Promise((resolve) => (database.onclose = () => resolve())),
  };
}

function createWriter(database: IDBDatabase): SessionDatabase["write"] {
  const unwritten = new Map<number, SavedSession | null>();
  return async (before, after) => {
    for (const [at, session] of changesBetween(before, after)) unwritten.set(at, session);
    if (unwritten.size === 0) return;
    const changes = new Map(unwritten);
    await writeChanges(database, changes);
    for (const [at, session] of changes) if (unwritten.get(at) === session) unwritten.delete(at);
  };
}

export function changesBetween(before: History, after: History): Changes {
  const removed = before.filter(({ at }) => !after.some((other) => other.at === at));
  const changed = after.filter((session) => !before.includes(session));
  return new Map([
    ...removed.map(({ at }) => [at, null] as const),
    ...changed.map((session) => [session.at, session] as const),
  ]);
}

/** In one transaction: a tab that closes in the middle writes all or nothing. */
function writeChanges(database: IDBDatabase, changes: Changes): Promise<void> {
  const transaction = database.transaction(STORE, "readwrite");
  const store = transaction.objectStore(STORE);
  for (const [at, session] of changes) {
    if (session === null) store.delete(at);
    else store.put(session);
  }
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error("IndexedDB aborted the transaction"));
  });
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
