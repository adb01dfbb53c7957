import { expect, test, vi } from "vitest";
import { createStore, type Store } from "../../session/store";
import {
  applyEvent,
  beginTake,
  editUtterance,
  emptyCaptions,
  visibleUtterances,
  type Captions,
} from "../../transcript/captions";
import { titleOf, type History } from "../../transcript/history";
import { createLibrary, type Library } from "./library";
import { changesBetween, type SessionDatabase } from "./session-database";
import { final, partial } from "../../../client/src/testing/server-events";

vi.useFakeTimers();

/** A browser whose tabs share what is stored. */
class Browser {
  stored: History = [];
  keeps = true;
  isFull = false;
  close: () => void = () => undefined;
  #clock = 0;

  /** @param whileReading What happens while the stored sessions are read. */
  async tab(remembered = 0, whileReading: (captions: Store<Captions>) => void = () => undefined) {
    const captions = createStore<Captions>(emptyCaptions);
    const tab = { at: remembered };
    const database: SessionDatabase = {
      readAll: () => Promise.resolve(this.stored),
      write: (before, after) => this.#write(before, after),
      closed: new Promise((resolve) => (this.close = resolve)),
    };
    const library = createLibrary({
      captions,
      isKeeping: () => this.keeps,
      database: Promise.resolve(database),
      tab: { get: () => tab.at, set: (at) => (tab.at = at) },
      now: () => ++this.#clock,
    });
    whileReading(captions);
    await library.loaded;
    return { library, captions, tab, say: (...texts: string[]) => say(captions, texts) };
  }

  #write(before: History, after: History): Promise<void> {
    if (this.isFull) return Promise.reject(new DOMException("Full.", "QuotaExceededError"));
    const changes = changesBetween(before, after);
    const changed = [...changes.values()].filter((session) => session !== null);
    this.stored = [...this.stored.filter(({ at }) => !changes.has(at)), ...changed].sort((a, b) => b.at - a.at);
    return Promise.resolve();
  }
}

const settled = () => vi.advanceTimersByTimeAsync(5_000);

function say(captions: Store<Captions>, texts: readonly string[]): void {
  captions.update(beginTake);
  texts.forEach((text, index) => captions.update((before) => applyEvent(before, final(index + 1, text))));
  vi.advanceTimersByTime(100);
}

const shown = (captions: { get: () => Captions }) =>
  visibleUtterances(captions.get()).map(({ committed }) => committed);
const titles = ({ history }: Library) => history.get().map(titleOf);
const storedTexts = ({ stored }: Browser) =>
  stored.map(({ utterances }) => utterances.map(({ committed }) => committed).join(" "));

test("a reload shows the session of the tab again, and another tab begins a new one", async () => {
  const browser = new Browser();
  const before = await browser.tab();
  before.say("One.", "Two.");
  const after = await browser.tab(before.tab.at);
  expect(shown(after.captions)).toEqual(["One.", "Two."]);
  const other = await browser.tab();
  expect(shown(other.captions)).toEqual([]);
  expect(titles(other.library)).toEqual(["One."]);
});

test("words that are not final yet survive a reload as well", async () => {
  const browser = new Browser();
  const before = await browser.tab();
  before.captions.update((captions) => applyEvent(captions, partial(1, 1, "I was say")));
  before.library.save();
  expect(shown((await browser.tab(before.tab.at)).captions)).toEqual(["I was say"]);
});

test("a reopened session continues, and a new one leaves it as it is", async () => {
  const { library, captions, say: speak } = await new Browser().tab();
  speak("One.");
  library.startNew();
  expect(shown(captions)).toEqual([]);
  speak("Two.");
  library.open(1);
  speak("And more.");
  expect(shown(captions)).toEqual(["One.", "And more."]);
  expect(titles(library)).toEqual(["Two.", "One."]);
  expect(library.history.get().map(({ utterances }) => utterances.length)).toEqual([1, 2]);
});

test("a duplicated tab that changes nothing does not overwrite what the other one writes", async () => {
  const browser = new Browser();
  const original = await browser.tab();
  original.say("One.");
  const duplicate = await browser.tab(original.tab.at);
  original.say("Two.");
  duplicate.captions.update(beginTake);
  await settled();
  duplicate.library.save();
  duplicate.library.startNew();
  expect(storedTexts(browser)).toEqual(["One. Two."]);
});

test("a session that another tab deleted comes back only with a change", async () => {
  const browser = new Browser();
  const original = await browser.tab();
  original.say("One.");
  const duplicate = await browser.tab(original.tab.at);
  original.library.remove(1);
  duplicate.library.save();
  duplicate.library.startNew();
  duplicate.library.open(1);
  await settled();
  expect(browser.stored).toEqual([]);
  duplicate.say("Two.");
  expect(storedTexts(browser)).toEqual(["One. Two."]);
});

test("a take that begins while the stored sessions are read is a new session", async () => {
  const browser = new Browser();
  const before = await browser.tab();
  before.say("One.");
  const after = await browser.tab(before.tab.at, (captions) => captions.update(beginTake));
  after.captions.update((captions) => applyEvent(captions, final(1, "Two.")));
  await settled();
  expect(shown(after.captions)).toEqual(["Two."]);
  expect(storedTexts(browser)).toEqual(["Two.", "One."]);
});

test("each shown session has an ordinal, which stays when its text is saved and named", async () => {
  const { library, say: speak } = await new Browser().tab();
  const ordinal = () => library.current.get().ordinal;
  const first = ordinal();
  speak("One.");
  library.rename(1, "Talk");
  expect([library.current.get().at, ordinal()]).toEqual([1, first]);
  library.startNew();
  const second = ordinal();
  library.startNew();
  const third = ordinal();
  library.open(1);
  const reopened = ordinal();
  library.remove(1);
  expect(new Set([first, second, third, reopened, ordinal()]).size).toBe(5);
});

test("a session can be renamed and deleted", async () => {
  const browser = new Browser();
  const { library, captions, say: speak } = await browser.tab();
  speak("One.");
  library.rename(1, " Interview ");
  speak("More.");
  expect(titles(library)).toEqual(["Interview"]);
  library.remove(1);
  vi.advanceTimersByTime(5_000);
  expect(shown(captions)).toEqual([]);
  expect(browser.stored).toEqual([]);
});

test("an edited text is saved at once", async () => {
  const browser = new Browser();
  const { captions, say: speak } = await browser.tab();
  speak("Helo.");
  captions.update((before) => editUtterance(before, "1/1", ["Hello."], {}));
  vi.advanceTimersByTime(100);
  expect(browser.stored.map(titleOf)).toEqual(["Hello."]);
});

test("a recording gives its name to the session", async () => {
  const { library, say: speak } = await new Browser().tab();
  library.startNew("talk.mp4");
  speak("One.");
  expect(titles(library)).toEqual(["talk.mp4"]);
});

test("a recording without text does not give its name to the next session", async () => {
  const { library, captions, say: speak } = await new Browser().tab();
  library.startNew("talk.mp4");
  captions.update(beginTake);
  library.dropUnusedTitle();
  speak("One.");
  expect(titles(library)).toEqual(["One."]);
});

test("a recording whose text is not saved yet keeps its name", async () => {
  const { library, captions } = await new Browser().tab();
  library.startNew("talk.mp4");
  captions.update((before) => applyEvent(beginTake(before), final(1, "One.")));
  library.dropUnusedTitle();
  await settled();
  expect(titles(library)).toEqual(["talk.mp4"]);
});

test("cleared text is deleted, and an undo brings it back under the same name", async () => {
  const browser = new Browser();
  const { library, captions, say: speak } = await browser.tab();
  speak("One.", "Two.");
  library.rename(1, "Talk");
  library.clear();
  vi.advanceTimersByTime(5_000);
  expect([shown(captions), browser.stored, library.canUndoClear.get()]).toEqual([[], [], true]);
  library.undoClear();
  vi.advanceTimersByTime(5_000);
  expect([shown(captions), library.canUndoClear.get()]).toEqual([["One.", "Two."], false]);
  expect(browser.stored.map(titleOf)).toEqual(["Talk"]);
});

test("nothing is stored if the user does not want it", async () => {
  const browser = new Browser();
  browser.keeps = false;
  const { library, say: speak } = await browser.tab();
  speak("One.");
  library.save();
  expect(browser.stored).toEqual([]);
});

test("edits and removals of stored text are stored although new text is not", async () => {
  const browser = new Browser();
  const { library, captions, say: speak } = await browser.tab();
  speak("Helo.");
  browser.keeps = false;
  speak("Secret.");
  captions.update((before) => editUtterance(before, "1/1", ["Hello."], {}));
  await settled();
  expect(storedTexts(browser)).toEqual(["Hello."]);
  library.clear();
  await settled();
  expect(browser.stored).toEqual([]);
  library.undoClear();
  await settled();
  expect(shown(captions)).toEqual(["Hello.", "Secret."]);
  expect(storedTexts(browser)).toEqual(["Hello."]);
});

test("if the browser cannot store a session, the page keeps it and shows that it is not stored", async () => {
  const browser = new Browser();
  const { library, say: speak } = await browser.tab();
  browser.isFull = true;
  speak("One.");
  await settled();
  expect([library.isStored.get(), titles(library)]).toEqual([false, ["One."]]);
  browser.isFull = false;
  speak("Two.");
  await settled();
  expect(library.isStored.get()).toBe(true);
});

test("a database that the browser closes is not used any more", async () => {
  const browser = new Browser();
  const { library, say: speak } = await browser.tab();
  browser.close();
  await settled();
  speak("One.");
  await settled();
  expect([library.isStored.get(), titles(library), browser.stored]).toEqual([false, ["One."], []]);
});

test("without a database, sessions last until the page is closed", async () => {
  const captions = createStore<Captions>(emptyCaptions);
  const tab = { get: () => 0, set: () => undefined };
  const database = Promise.reject(new Error("private window"));
  const library = createLibrary({ captions, isKeeping: () => true, database, tab, now: () => 1 });
  await library.loaded;
  say(captions, ["One."]);
  expect([library.isStored.get(), titles(library)]).toEqual([false, ["One."]]);
});
