import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { beginTake, applyEvent, emptyCaptions, type Captions } from "../transcript/captions";
import { columnWidth, fillLines, LINE_COLUMNS } from "../transcript/line-breaking";
import type { ServerMessage } from "../../client/src/protocol/messages";
import type { SubtitleOptions } from "./layout";
import { startAfter, emptySubtitles, updateSubtitles, type Subtitles } from "./subtitles";
import { error, final, partial, started, translation } from "../../client/src/testing/server-events";

const SPOKEN: SubtitleOptions = { lines: 2, pace: 20, isSteady: false, language: "" };
const STEADY: SubtitleOptions = { ...SPOKEN, isSteady: true };
const SPANISH: SubtitleOptions = { ...SPOKEN, language: "es" };

type Moment = readonly [atMs: number, event: ServerMessage | null];

function* watch(look: SubtitleOptions, moments: readonly Moment[]): Generator<Subtitles> {
  let captions: Captions = beginTake(emptyCaptions);
  let subtitles = emptySubtitles;
  for (const [atMs, event] of moments) {
    if (event !== null) captions = applyEvent(captions, event);
    subtitles = updateSubtitles(subtitles, captions, look, atMs);
    yield subtitles;
  }
}

const last = (look: SubtitleOptions, ...moments: Moment[]) => [...watch(look, moments)].at(-1) ?? emptySubtitles;
const texts = ({ lines }: Subtitles) => lines.map(({ committed, tentative }) => `${committed}|${tentative}`);

const FORTY = "one two three four five six seven eight, ";

describe("names of speakers", () => {
  const NAMED: SubtitleOptions = { ...SPOKEN, lines: 4, nameOf: (speaker) => `Speaker ${speaker}` };
  const names = ({ lines }: Subtitles) => lines.map(({ name, committed }) => [name, committed]);

  test("are shown where a speaker begins, once their speech is final", () => {
    const shown = last(
      NAMED,
      [0, final(1, "Hello.", { speaker: "1" })],
      [10, final(2, "Again.", { speaker: "1" })],
      [20, final(3, "Good evening.", { speaker: "2" })],
      [30, partial(4, 1, "and", " now")],
    );
    expect(names(shown)).toEqual([
      ["Speaker 1: ", "Hello."],
      ["", "Again."],
      ["Speaker 2: ", "Good evening."],
      ["", "and"],
    ]);
  });

  test("divide an utterance of several speakers", () => {
    const segment = (speaker: string, text: string) => ({ speaker, text, start_ms: 0, end_ms: 1_000 });
    const speaker_segments = [segment("2", "Thank you."), segment("1", "Of course.")];
    const shown = last(NAMED, [0, final(1, "Thank you. Of course.", { speaker: "2", speaker_segments })]);
    expect(names(shown)).toEqual([
      ["Speaker 2: ", "Thank you."],
      ["Speaker 1: ", "Of course."],
    ]);
  });

  test("do not change the text, which is still broken into lines of the same width", () => {
    const text = `${FORTY}${FORTY}nine`;
    const shown = last(NAMED, [0, final(1, text, { speaker: "1" })]);
    expect(shown.lines.map(({ committed }) => committed).join("")).toBe(text);
    for (const { name, committed } of shown.lines) expect(columnWidth(name + committed.trimEnd())).toBeLessThanOrEqual(LINE_COLUMNS);
    expect(shown.lines.map(({ name }) => name)).toEqual(["Speaker 1: ", ...shown.lines.slice(1).map(() => "")]);
  });

  test("are shortened, and left out without speakers", () => {
    const long = { ...NAMED, nameOf: () => "Maximiliane Hohenstein" };
    expect(names(last(long, [0, final(1, "Hi.", { speaker: "1" })]))).toEqual([["Maximiliane Hoh…: ", "Hi."]]);
    expect(names(last(SPOKEN, [0, final(1, "Hi.", { speaker: "1" })]))).toEqual([["", "Hi."]]);
  });
});

describe("lines", () => {
  test("show committed and tentative text, with a new line for each utterance", () => {
    const shown = last(SPOKEN, [0, final(1, "Hello.")], [10, partial(2, 1, "how are", " you")]);
    expect(texts(shown)).toEqual(["Hello.|", "how are| you"]);
  });

  test("show only committed text if they are steady", () => {
    expect(texts(last(STEADY, [0, partial(1, 1, "how are", " you")]))).toEqual(["how are|"]);
    expect(texts(last(STEADY, [0, partial(1, 1, "", "how")]))).toEqual([]);
  });

  test("show a translation, committed when it is final", () => {
    expect(texts(last(SPANISH, [0, final(1, "Hello.")]))).toEqual([]);
    expect(texts(last(SPANISH, [0, final(1, "Hello.")], [1, translation(1, "Ho", false)]))).toEqual(["|Ho"]);
    expect(texts(last(SPANISH, [0, final(1, "Hello.")], [1, translation(1, "Hola.")]))).toEqual(["Hola.|"]);
  });

  test("have at most 16 Chinese or 13 Japanese characters", () => {
    expect(last(SPOKEN, [0, final(1, "今".repeat(20))]).lines.map(({ committed }) => committed.length)).toEqual([
      16, 4,
    ]);
    expect(last(SPOKEN, [0, final(1, "の".repeat(20))]).lines.map(({ committed }) => committed.length)).toEqual([
      13, 7,
    ]);
  });

  test("roll up after the top line has been read, and not before", () => {
    const speech: Moment = [0, partial(1, 1, FORTY + FORTY + FORTY)];
    expect(texts(last(SPOKEN, speech))).toEqual([`${FORTY}|`, `${FORTY}|`]);
    expect(last(SPOKEN, speech, [2_000, null]).lines[0]?.key).toBe("1/1/0");
    expect(last(SPOKEN, speech, [2_100, null]).lines[0]?.key).toBe("1/1/1");
  });

  test("roll up immediately if too many lines are waiting", () => {
    expect(last(SPOKEN, [0, partial(1, 1, FORTY.repeat(6))]).lines[0]?.key).toBe("1/1/2");
  });

  test("disappear after they have been read, and the next text appears alone", () => {
    const speech: Moment[] = [
      [0, final(1, "Hello.")],
      [2_400, null],
    ];
    expect(texts(last(SPOKEN, ...speech))).toEqual(["Hello.|"]);
    expect(texts(last(SPOKEN, ...speech, [2_500, null]))).toEqual([]);
    expect(texts(last(SPOKEN, ...speech, [2_500, null], [3_000, final(2, "Bye.")]))).toEqual(["Bye.|"]);
  });

  test("stay after their translation arrives, so that both can be read", () => {
    const late: Moment[] = [
      [0, final(1, "Hello.")],
      [2_000, translation(1, "Hola.")],
    ];
    expect(texts(last(SPOKEN, ...late, [4_400, null]))).toEqual(["Hello.|"]);
    expect(texts(last(SPOKEN, ...late, [4_500, null]))).toEqual([]);
  });

  test("stay while their utterance is open", () => {
    const speaking: Moment[] = [
      [0, partial(1, 1, "", "how are")],
      [9_000, null],
    ];
    expect(texts(last(SPOKEN, ...speaking))).toEqual(["|how are"]);
    expect(texts(last(SPOKEN, ...speaking, [9_100, final(1, "How are you?")]))).toEqual(["How are you?|"]);
  });
});

test("text from before they were turned on is not shown", () => {
  const before = applyEvent(beginTake(emptyCaptions), final(1, "Hello."));
  const after = applyEvent(before, final(2, "Bye."));
  expect(texts(updateSubtitles(startAfter(before), after, SPOKEN, 0))).toEqual(["Bye.|"]);
  expect(texts(updateSubtitles(startAfter(emptyCaptions), after, SPOKEN, 0))).toEqual(["Hello.|", "Bye.|"]);
});

describe("for any speech in any language", () => {
  const number = fc.integer({ min: 1, max: 5 });
  const text = fc
    .array(fc.constantFrom("one ", "seventeen ", "今天天气很好，", "ปีใหม่", "donaudampfschiff "), { maxLength: 25 })
    .map((words) => words.join(""));
  const event: fc.Arbitrary<ServerMessage> = fc.oneof(
    fc.tuple(number, fc.nat(40), text, text).map(([n, revision, a, b]) => partial(n, revision, a, b)),
    fc.tuple(number, text).map(([n, a]) => final(n, a)),
    fc.tuple(number, text, fc.boolean()).map(([n, a, isFinal]) => translation(n, a, isFinal)),
    number.map((n) => started(n)),
    number.map((utterance) => error("dead_lettered", { utterance })),
  );
  const moments = fc.array(fc.tuple(fc.nat(3_000), fc.option(event)), { maxLength: 40 }).map((steps) => {
    let atMs = 0;
    return steps.map(([ms, next]): Moment => [(atMs += ms), next]);
  });
  const order = (key: string) => key.split("/").map(Number);

  test.each([SPOKEN, STEADY, SPANISH, { ...SPOKEN, lines: 1 }])(
    "lines only roll up, and fit their width (%j)",
    (look) => {
      fc.assert(
        fc.property(moments, (all) => {
          let top = [0, 0, 0];
          for (const { lines } of watch(look, all)) {
            expect(lines.length).toBeLessThanOrEqual(look.lines);
            const keys = lines.map(({ key }) => key);
            expect(keys).toEqual([...keys].sort((a, b) => compare(order(a), order(b))));
            for (const { committed: firm, tentative: faint } of lines)
              expect(columnWidth((firm + faint).trimEnd())).toBeLessThanOrEqual(LINE_COLUMNS);
            const [first] = keys;
            if (first === undefined) continue;
            expect(compare(top, order(first))).toBeLessThanOrEqual(0);
            top = order(first);
          }
        }),
      );
    },
  );

  test("every line of a final is shown if there is enough time", () => {
    fc.assert(
      fc.property(
        fc.array(
          text.filter((words) => words.trim() !== ""),
          { minLength: 1, maxLength: 4 },
        ),
        (all) => {
          const speech = all.flatMap((words, index): Moment[] => [
            [60_000 * index, final(index + 1, words)],
            ...Array.from({ length: 60 }, (_, second): Moment => [60_000 * index + 1_000 * (second + 0.5), null]),
          ]);
          const seen = new Map<string, string>();
          for (const { lines } of watch({ ...SPOKEN, lines: 20 }, speech))
            for (const { key, committed: firm } of lines) seen.set(key, firm);
          expect([...seen.values()].join("").replace(/\s/gu, "")).toBe(all.join("").replace(/\s/gu, ""));
        },
      ),
      { numRuns: 30 },
    );
  });
});

test("appending text changes only the last line", () => {
  const word = fc.constantFrom("a ", "seventeen ", "今天，", "x".repeat(50));
  fc.assert(
    fc.property(fc.array(word), fc.array(word), (before, more) => {
      const short = fillLines(before.join(""));
      expect(fillLines([...before, ...more].join("")).slice(0, Math.max(0, short.length - 1))).toEqual(
        short.slice(0, -1),
      );
    }),
  );
});

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}
