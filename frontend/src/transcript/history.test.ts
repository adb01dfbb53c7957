import fc from "fast-check";
import { expect, test } from "vitest";
import { beginTake, applyEvent, emptyCaptions } from "./captions";
import { renameSession, toCaptions, saveSession, searchHistory, titleOf, type History } from "./history";
import { exportTranscript } from "./export";
import { final, partial, translation } from "../../client/src/testing/server-events";

const speech = (...texts: string[]) =>
  texts.map((text, index) => final(index + 1, text)).reduce(applyEvent, beginTake(emptyCaptions));
const of = (...sessions: (readonly [number, string])[]) =>
  sessions.reduce<History>((history, [at, text]) => saveSession(history, at, speech(text)), []);

test("a session is saved once, in its latest state, newest first", () => {
  let history = of([1, "One."], [3, "Three."], [2, "Two."]);
  history = saveSession(history, 1, speech("One.", "And more."));
  expect(history.map(({ at }) => at)).toEqual([3, 2, 1]);
  expect(history.map(titleOf)).toEqual(["Three.", "Two.", "One."]);
  expect(history[2]?.utterances).toHaveLength(2);
});

test("open utterances and sessions without text are not saved", () => {
  const speaking = applyEvent(speech("One."), partial(2, 1, "two"));
  expect(saveSession([], 1, speaking)[0]?.utterances).toHaveLength(1);
  expect(saveSession(of([1, "One."]), 1, emptyCaptions)).toEqual([]);
});

test("a saved session can be exported", () => {
  const [session] = saveSession([], 1, applyEvent(speech("One."), translation(1, "Uno.")));
  if (session === undefined) throw new Error("the session was not saved");
  expect(exportTranscript(toCaptions(session), "txt", "es")).toBe("Uno.\n");
});

test("search ignores case and accents, includes translations, and requires all words", () => {
  const history = saveSession(
    of([1, "Ein Café in Köln."]),
    2,
    applyEvent(speech("Hello there."), translation(1, "¿Qué tal?")),
  );
  const found = (query: string) => searchHistory(history, query).map(({ at }) => at);
  expect([found("cafe KOLN"), found("que"), found("cafe que"), found("  "), found("köln")]).toEqual([
    [1],
    [2],
    [],
    [2, 1],
    [1],
  ]);
});

test("the history never exceeds its limits", () => {
  const limits = { sessions: 4, characters: 1_000 };
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(9), fc.array(fc.stringMatching(/^[a-z]{1,30}$/), { maxLength: 3 }))),
      (sessions) => {
        let history: History = [];
        for (const [at, texts] of sessions) history = saveSession(history, at, speech(...texts), limits);
        expect(history.length).toBeLessThanOrEqual(limits.sessions);
        expect(
          history
            .flatMap(({ utterances }) => utterances)
            .reduce((sum, { committed }) => sum + committed.length + 200, 0),
        ).toBeLessThanOrEqual(1_000);
        expect(history.map(({ at }) => at)).toEqual([...new Set(history.map(({ at }) => at))].sort((a, b) => b - a));
      },
    ),
  );
});

test("a title takes the place of the first words, can be searched, and can be removed again", () => {
  const saved = saveSession([], 1, speech("One."), undefined, "Interview.mp4");
  expect(saved.map(titleOf)).toEqual(["Interview.mp4"]);
  expect(searchHistory(saved, "interview one")).toHaveLength(1);
  const renamed = renameSession(saved, 1, "  With Ana ");
  expect(renamed.map(titleOf)).toEqual(["With Ana"]);
  expect(renameSession(renamed, 1, " ").map(titleOf)).toEqual(["One."]);
});

test("a session that is opened again continues with a take of its own", () => {
  const [saved] = saveSession([], 1, speech("One.", "Two."));
  if (saved === undefined) throw new Error("nothing was saved");
  const captions = [final(1, "Three.")].reduce(applyEvent, beginTake(toCaptions(saved)));
  expect(captions.utterances.map(({ id }) => id)).toEqual(["1/1", "1/2", "2/1"]);
  expect(captions.utterances[2]?.startMs).toBeGreaterThanOrEqual(captions.utterances[1]?.endMs ?? Infinity);
});
