import { afterEach, expect, test, vi } from "vitest";
import type { History } from "../../transcript/history";
import { openSessionDatabase } from "./session-database";

const session = (at: number) => ({ at, utterances: [] });
const [one, two] = [session(1), session(2)];

/** What the module uses of a transaction. It is committed or aborted in a later task, as in a browser. */
class FakeTransaction {
  error: DOMException | null = null;
  oncomplete: () => void = () => undefined;
  onabort: () => void = () => undefined;
  readonly #stored: Map<number, unknown>;

  constructor(database: FakeDatabase) {
    this.#stored = new Map(database.stored);
    setTimeout(() => {
      if (database.isFull) this.#abort();
      else this.#commit(database);
    });
  }

  objectStore() {
    return {
      getAll: () => succeeded([...this.#stored.values()]),
      put: (value: { at: number }) => this.#stored.set(value.at, value),
      delete: (at: number) => this.#stored.delete(at),
    };
  }

  #commit(database: FakeDatabase): void {
    database.stored = this.#stored;
    this.oncomplete();
  }

  #abort(): void {
    this.error = new DOMException("Full.", "QuotaExceededError");
    this.onabort();
  }
}

class FakeDatabase {
  stored = new Map<number, unknown>();
  isFull = false;
  isClosed = false;
  onclose: () => void = () => undefined;

  transaction(): FakeTransaction {
    if (this.isClosed) throw new DOMException("Closed.", "InvalidStateError");
    return new FakeTransaction(this);
  }
}

function succeeded<T>(result: T) {
  const request = { result, onsuccess: () => undefined };
  setTimeout(() => request.onsuccess());
  return request;
}

async function opened() {
  const fake = new FakeDatabase();
  vi.stubGlobal("indexedDB", { open: () => succeeded(fake) });
  return { fake, database: await openSessionDatabase() };
}

afterEach(() => vi.unstubAllGlobals());

test("only the differences are written", async () => {
  const { fake, database } = await opened();
  await database.write([], [two, one]);
  expect(await database.readAll()).toEqual([two, one]);
  const elsewhere: History = [session(3)];
  fake.stored.set(3, elsewhere[0]);
  await database.write([two, one], [two]);
  expect([...fake.stored.keys()]).toEqual([2, 3]);
});

test("what a full disk did not take is written with the next change", async () => {
  const { fake, database } = await opened();
  await database.write([], [one]);
  fake.isFull = true;
  await expect(database.write([one], [two])).rejects.toMatchObject({ name: "QuotaExceededError" });
  expect([...fake.stored.keys()]).toEqual([1]);
  fake.isFull = false;
  await database.write([two], [session(3), two]);
  expect([...fake.stored.keys()]).toEqual([2, 3]);
});

test("a write to a closed database rejects, and does not throw", async () => {
  const { fake, database } = await opened();
  fake.isClosed = true;
  await expect(database.write([], [one])).rejects.toMatchObject({ name: "InvalidStateError" });
});

test("a database that the browser closes reports it", async () => {
  const { fake, database } = await opened();
  fake.onclose();
  await expect(database.closed).resolves.toBeUndefined();
});
