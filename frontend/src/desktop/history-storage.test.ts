import { expect, test } from "vitest";
import { beginTake, applyEvent, emptyCaptions } from "../transcript/captions";
import { saveSession, type History } from "../transcript/history";
import { final } from "../../client/src/testing/server-events";
import { readHistory, writeHistory } from "./history-storage";

/** A Storage that records which entries were written. */
class FakeStorage implements Storage {
  readonly #entries = new Map<string, string>();
  readonly written: string[] = [];
  capacity = Infinity;

  get length(): number {
    return this.#entries.size;
  }
  key = (index: number) => [...this.#entries.keys()][index] ?? null;
  getItem = (name: string) => this.#entries.get(name) ?? null;
  removeItem = (name: string) => void this.#entries.delete(name);
  clear = () => {
    this.#entries.clear();
  };
  setItem = (name: string, text: string) => {
    if (text.length > this.capacity) throw new Error("QuotaExceededError");
    this.written.push(name);
    this.#entries.set(name, text);
  };
}

const speech = (...texts: string[]) =>
  texts.map((text, index) => final(index + 1, text)).reduce(applyEvent, beginTake(emptyCaptions));
const two: History = saveSession(saveSession([], 1, speech("One.")), 2, speech("Two."));

test("stored sessions are read again, newest first, and other entries are ignored", () => {
  const storage = new FakeStorage();
  storage.setItem("nova.settings", "{}");
  storage.setItem("nova.session.3", "not JSON");
  writeHistory(storage, [], two);
  expect(readHistory(storage)).toEqual(two);
});

test("a new sentence writes only its session", () => {
  const storage = new FakeStorage();
  writeHistory(storage, [], two);
  storage.written.length = 0;
  const more = saveSession(two, 2, speech("Two.", "Three."));
  writeHistory(storage, two, more);
  expect(storage.written).toEqual(["nova.session.2"]);
  expect(readHistory(storage)).toEqual(more);
});

test("deleted sessions are removed", () => {
  const storage = new FakeStorage();
  writeHistory(storage, [], two);
  writeHistory(storage, two, two.slice(0, 1));
  expect(readHistory(storage).map(({ at }) => at)).toEqual([2]);
});

test("a session that does not fit is removed instead of left in an old state", () => {
  const storage = new FakeStorage();
  writeHistory(storage, [], two);
  storage.capacity = 0;
  writeHistory(storage, two, saveSession(two, 2, speech("Two.", "Three.")));
  expect(readHistory(storage).map(({ at }) => at)).toEqual([1]);
});
