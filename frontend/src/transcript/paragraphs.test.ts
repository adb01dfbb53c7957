import { expect, test } from "vitest";
import { applyEvent, emptyCaptions, finishedUtterances, type Captions } from "./captions";
import { exportTranscript } from "./export";
import { isSameParagraph, joinedTexts, paragraphsOf } from "./paragraphs";
import type { ServerMessage } from "../../client/src/protocol/messages";
import { final, translation } from "../../client/src/testing/server-events";

const speech = (...events: ServerMessage[]): Captions => events.reduce(applyEvent, emptyCaptions);
const at = (number: number, text: string, start_ms: number, end_ms: number, language = "en") =>
  final(number, text, { start_ms, end_ms, language });
const sizes = (captions: Captions) => paragraphsOf(finishedUtterances(captions)).map(({ pieces }) => pieces.length);

// The second one begins at the sample where the first one was cut.
const cut = speech(
  at(1, "We walked along the river and", 0, 25_000),
  at(2, "The sun went down behind the hills.", 25_000, 40_000),
  at(3, "Then we slept.", 41_200, 43_000),
);

test("pieces of continuous speech are one paragraph, and a silence begins the next one", () => {
  expect(sizes(cut)).toEqual([2, 1]);
});

test("another language begins a paragraph, and so does a missing utterance", () => {
  expect(sizes(speech(at(1, "One and", 0, 25_000), at(2, "dos.", 25_000, 30_000, "es")))).toEqual([1, 1]);
  expect(sizes(speech(at(1, "One and", 0, 25_000), at(3, "three.", 25_000, 30_000)))).toEqual([1, 1]);
});

test("speech without any pause is divided at the end of a sentence", () => {
  const sentence = `${"word ".repeat(60)}ends.`;
  const pieces = Array.from({ length: 6 }, (_, index) => at(index + 1, sentence, 25_000 * index, 25_000 * (index + 1)));
  expect(sizes(speech(...pieces))).toEqual([3, 3]);
});

test("the text is joined with a space and in lower case within a sentence, or without a space in Chinese", () => {
  expect(exportTranscript(cut, "txt")).toBe(
    "We walked along the river and the sun went down behind the hills.\nThen we slept.\n",
  );
  expect(joinedTexts(["今天天气", "很好"], "zh").join("")).toBe("今天天气很好");
});

test("a subtitle may contain the end of one piece and the begin of the next, with the times of both", () => {
  const [first, second, third] = exportTranscript(cut, "srt").split("\n\n");
  expect(first).toBe(
    "1\n00:00:00,000 --> 00:00:40,000\nWe walked along the river and the\nsun went down behind the hills.",
  );
  expect(second).toContain("00:00:41,200 --> 00:00:43,000");
  expect(third).toBeUndefined();
});

test("translations of the pieces are joined as well", () => {
  const translated = [translation(1, "Caminamos junto al río y"), translation(2, "El sol se puso.")].reduce(
    applyEvent,
    cut,
  );
  expect(exportTranscript(translated, "txt", "es")).toBe("Caminamos junto al río y el sol se puso.\n");
});

test("paragraphs with the same utterances are the same", () => {
  const [one] = paragraphsOf(finishedUtterances(cut));
  const [same, other] = paragraphsOf(finishedUtterances(cut));
  if (one === undefined || same === undefined || other === undefined) throw new Error("there are no paragraphs");
  expect(isSameParagraph(one, same)).toBe(true);
  expect(isSameParagraph(one, other)).toBe(false);
});
