import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyEvent, emptyCaptions, type Captions } from "./captions";
import { bilingualTrack, exportTranscript } from "./export";
import type { ServerMessage } from "../../client/src/protocol/messages";
import { final as someFinal, translation } from "../../client/src/testing/server-events";

const final = (utterance: number, text: string, start_ms: number, end_ms: number) =>
  someFinal(utterance, text, { start_ms, end_ms });
const speech = (...events: ServerMessage[]): Captions => events.reduce(applyEvent, emptyCaptions);

const captions = speech(
  final(1, "Ask not what your country can do for you.", 1_080, 3_500),
  translation(1, "No preguntéis qué puede hacer vuestro país."),
  final(2, "", 4_000, 4_200),
  final(3, "1 < 2 & 3 --> so.", 3_725_004, 3_726_000),
);

describe("golden files", () => {
  test("plain text has one line per utterance", () => {
    expect(exportTranscript(captions, "txt")).toBe("Ask not what your country can do for you.\n1 < 2 & 3 --> so.\n");
  });

  test("SubRip numbers its cues, separates milliseconds with a comma, and has no arrow in its text", () => {
    expect(exportTranscript(captions, "srt")).toBe(
      "1\n00:00:01,080 --> 00:00:03,500\nAsk not what your country can do for you.\n\n" +
        "2\n01:02:05,004 --> 01:02:06,000\n1 < 2 & 3 → so.\n",
    );
  });

  test("WebVTT has a header, separates milliseconds with a point, and escapes markup", () => {
    expect(exportTranscript(captions, "vtt")).toBe(
      "WEBVTT\n\n00:00:01.080 --> 00:00:03.500\nAsk not what your country can do for you.\n\n" +
        "01:02:05.004 --> 01:02:06.000\n1 &lt; 2 &amp; 3 --&gt; so.\n",
    );
  });

  test("a translation is a track of its own, without utterances that lack it", () => {
    expect(exportTranscript(captions, "srt", "es")).toBe(
      "1\n00:00:01,080 --> 00:00:03,500\nNo preguntéis qué puede\nhacer vuestro país.\n",
    );
  });

  test("open utterances are not exported, and an empty export is an empty string", () => {
    const open: ServerMessage = {
      type: "partial",
      utterance: 1,
      revision: 1,
      committed: "ask",
      tentative: " not",
      language: "en",
      start_ms: 0,
      end_ms: 500,
    };
    expect(exportTranscript(speech(open), "vtt")).toBe("");
  });
});

describe("long utterances", () => {
  test("become cues of two lines, with times in proportion to their length", () => {
    const text =
      "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen";
    expect(exportTranscript(speech(final(1, text, 0, 10_000)), "srt")).toBe(
      "1\n00:00:00,000 --> 00:00:07,619\none two three four five six seven eight\nnine ten eleven twelve thirteen fourteen\n\n" +
        "2\n00:00:07,619 --> 00:00:10,000\nfifteen sixteen seventeen\n",
    );
  });

  test("are broken between characters in scripts without spaces, but not before punctuation", () => {
    const lines = exportTranscript(speech(final(1, "今天天气很好，".repeat(8), 0, 9_000)), "srt").split("\n");
    expect(lines.filter((line) => line.startsWith("，"))).toEqual([]);
    expect(lines.filter((line) => line.includes("今")).length).toBeGreaterThan(1);
  });

  test("have lines of at most 16 Chinese or 13 Japanese characters", () => {
    const longest = (text: string) =>
      Math.max(
        ...exportTranscript(speech(final(1, text, 0, 9_000)), "vtt")
          .split("\n")
          .slice(3)
          .map((line) => (line.includes("-->") ? 0 : line.length)),
      );
    expect(longest("今天天气很好我们去公园".repeat(5))).toBeLessThanOrEqual(16);
    expect(longest("私は昨日東京に行ってラーメンを".repeat(5))).toBeLessThanOrEqual(13);
  });

  test("lose no characters, fit their lines, and have cues in order", () => {
    const word = fc.oneof(
      fc.stringMatching(/^[a-z.,]{1,60}$/),
      fc.stringMatching(/^[今天，。]{1,30}$/),
      fc.constant("👩‍🚀"),
    );
    const text = fc.array(word, { minLength: 1, maxLength: 40 }).map((words) => words.join(" "));
    fc.assert(
      fc.property(text, (spoken) => {
        const cues = exportTranscript(speech(final(1, spoken, 500, 25_500)), "srt")
          .trimEnd()
          .split("\n\n")
          .map((cue) => cue.split("\n").slice(1));
        const lines = cues.flatMap(([, ...shown]) => shown);
        expect(lines.join("").replace(/\s/gu, "")).toBe(spoken.replace(/\s/gu, ""));
        expect(Math.max(...lines.map((line) => Array.from(line).length))).toBeLessThanOrEqual(42);
        expect(Math.max(...cues.map((cue) => cue.length))).toBeLessThanOrEqual(3);
        const times = cues.flatMap(([timing]) => (timing ?? "").split(" --> "));
        expect(times).toEqual([...times].sort());
        expect([times.at(0), times.at(-1)]).toEqual(["00:00:00,500", "00:00:25,500"]);
      }),
    );
  });
});

describe("a bilingual export", () => {
  const both = bilingualTrack("es");

  test("has each text above its translation", () => {
    expect(exportTranscript(captions, "txt", both)).toBe(
      "Ask not what your country can do for you.\nNo preguntéis qué puede hacer vuestro país.\n\n1 < 2 & 3 --> so.\n",
    );
    expect(exportTranscript(captions, "srt", both).split("\n\n")[0]).toBe(
      "1\n00:00:01,080 --> 00:00:03,500\nAsk not what your country can do for you.\n" +
        "No preguntéis qué puede\nhacer vuestro país.",
    );
  });

  test("has both languages in every cue, with at most two lines each, and loses no word", () => {
    const words = (count: number, word: string) => Array.from({ length: count }, (_, n) => `${word}${n}`).join(" ");
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 90 }), (spoken, translated) => {
        const long = speech(final(1, words(spoken, "a"), 0, 20_000), translation(1, words(translated, "b")));
        const cues = exportTranscript(long, "srt", both).trimEnd().split("\n\n");
        const lines = cues.flatMap((cue) => cue.split("\n").slice(2));
        const all = (letter: string) => lines.filter((line) => line.startsWith(letter)).join(" ");
        expect([all("a"), all("b")]).toEqual([words(spoken, "a"), words(translated, "b")]);
        expect(Math.max(...cues.map((cue) => cue.split("\n").length))).toBeLessThanOrEqual(7);
      }),
    );
  });
});
