import { expect, test, vi } from "vitest";
import { createStore } from "../../session/store";
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
import { final, partial } from "../../../client/src/testing/server-events";

vi.useFakeTimers();

/** A browser whose tabs share what is stored. */
class Browser {
  stored: History = [];
  keeps = true;
  #clock = 0;

  async tab(remembered = 0) {
    const captions = createStore<Captions>(emptyCaptions);
    const tab = { at: remembered };
    const database = {
      readAll: () => Promise.resolve(this.stored),
      write: (_: History, after: History) => (this.stored = after),
    };
    const library = createLibrary({
      captions,
      isKeeping: () => this.keeps,
      database: Promise.resolve(database),
      tab: { get: () => tab.at, set: (at) => (tab.at = at) },
      now: () => ++this.#clock,
    });
    await library.loaded;
    return { library, captions, tab, say: (...texts: string[]) => say(captions, texts) };
  }
}

function say(captions: { update: (change: (before: Captions) => Captions) => void }, texts: readonly string[]): void {
  captions.update(beginTake);
  texts.forEach((text, index) => captions.update((before) => applyEvent(before, final(index + 1, text))));
  vi.advanceTimersByTime(100);
}

const shown = (captions: { get: () => Captions }) =>
  visibleUtterances(captions.get()).map(({ committed }) => committed);
const titles = ({ history }: Library) => history.get().map(titleOf);

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
  captions.update((before) => editUtterance(before, "1/1", "Hello.", {}));
  vi.advanceTimersByTime(100);
  expect(browser.stored.map(titleOf)).toEqual(["Hello."]);
});

test("a recording gives its name to the session", async () => {
  const { library, say: speak } = await new Browser().tab();
  library.startNew("talk.mp4");
  speak("One.");
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

test("without a database, sessions last until the page is closed", async () => {
  const captions = createStore<Captions>(emptyCaptions);
  const tab = { get: () => 0, set: () => undefined };
  const database = Promise.reject(new Error("private window"));
  const library = createLibrary({ captions, isKeeping: () => true, database, tab, now: () => 1 });
  await library.loaded;
  say(captions, ["One."]);
  expect([library.isStored.get(), titles(library)]).toEqual([false, ["One."]]);
});
