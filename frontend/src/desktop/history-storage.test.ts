import { expect, test } from "vitest";
import { begin, fold, noCaptions } from "../transcript/captions";
import { kept, type History } from "../transcript/history";
import { final } from "../../client/src/testing/server-events";
import { readHistory, writeHistory } from "./history-storage";

/** A browser's storage, and what was written into it. */
class Shelf implements Storage {
  readonly #entries = new Map<string, string>();
  readonly written: string[] = [];
  room = Infinity;

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
    if (text.length > this.room) throw new Error("QuotaExceededError");
    this.written.push(name);
    this.#entries.set(name, text);
  };
}

const said = (...texts: string[]) => texts.map((text, index) => final(index + 1, text)).reduce(fold, begin(noCaptions));
const two: History = kept(kept([], 1, said("One.")), 2, said("Two."));

test("what is kept is read again, the newest first, beside what others keep there", () => {
  const shelf = new Shelf();
  shelf.setItem("nova.settings", "{}");
  shelf.setItem("nova.session.3", "not what it was");
  writeHistory(shelf, [], two);
  expect(readHistory(shelf)).toEqual(two);
});

test("a sentence more writes its session, and no other", () => {
  const shelf = new Shelf();
  writeHistory(shelf, [], two);
  shelf.written.length = 0;
  const more = kept(two, 2, said("Two.", "Three."));
  writeHistory(shelf, two, more);
  expect(shelf.written).toEqual(["nova.session.2"]);
  expect(readHistory(shelf)).toEqual(more);
});

test("what is deleted is not there any more", () => {
  const shelf = new Shelf();
  writeHistory(shelf, [], two);
  writeHistory(shelf, two, two.slice(0, 1));
  expect(readHistory(shelf).map(({ at }) => at)).toEqual([2]);
});

test("where there is no room, nothing breaks and nothing old is left in its place", () => {
  const shelf = new Shelf();
  writeHistory(shelf, [], two);
  shelf.room = 0;
  writeHistory(shelf, two, kept(two, 2, said("Two.", "Three.")));
  expect(readHistory(shelf).map(({ at }) => at)).toEqual([1]);
});
