import fc from "fast-check";
import { expect, test } from "vitest";
import { begin, fold, noCaptions } from "./captions";
import { asCaptions, kept, search, titleOf, type History } from "./history";
import { render } from "./export";
import { final, partial, translation } from "../../client/src/testing/server-events";

const said = (...texts: string[]) => texts.map((text, index) => final(index + 1, text)).reduce(fold, begin(noCaptions));
const of = (...sessions: (readonly [number, string])[]) =>
  sessions.reduce<History>((history, [at, text]) => kept(history, at, said(text)), []);

test("a session is kept once, as it stands now, the newest first", () => {
  let history = of([1, "One."], [3, "Three."], [2, "Two."]);
  history = kept(history, 1, said("One.", "And more."));
  expect(history.map(({ at }) => at)).toEqual([3, 2, 1]);
  expect(history.map(titleOf)).toEqual(["Three.", "Two.", "One."]);
  expect(history[2]?.utterances).toHaveLength(2);
});

test("what is not finished is not kept, and neither is a session without words", () => {
  const speaking = fold(said("One."), partial(2, 1, "two"));
  expect(kept([], 1, speaking)[0]?.utterances).toHaveLength(1);
  expect(kept(of([1, "One."]), 1, noCaptions)).toEqual([]);
});

test("what is kept can be written into files", () => {
  const [session] = kept([], 1, fold(said("One."), translation(1, "Uno.")));
  if (session === undefined) throw new Error("it was not kept");
  expect(render(asCaptions(session), "txt", "es")).toBe("Uno.\n");
});

test("words are found whatever their case and accents, in translations too; all of them have to be there", () => {
  const history = kept(of([1, "Ein Café in Köln."]), 2, fold(said("Hello there."), translation(1, "¿Qué tal?")));
  const found = (query: string) => search(history, query).map(({ at }) => at);
  expect([found("cafe KOLN"), found("que"), found("cafe que"), found("  "), found("köln")]).toEqual([
    [1],
    [2],
    [],
    [2, 1],
    [1],
  ]);
});

test("whatever is kept, there is never more than the limits, and the newest is there if it fits", () => {
  const limits = { sessions: 4, characters: 1_000 };
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(9), fc.array(fc.stringMatching(/^[a-z]{1,30}$/), { maxLength: 3 }))),
      (sessions) => {
        let history: History = [];
        for (const [at, texts] of sessions) history = kept(history, at, said(...texts), limits);
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
