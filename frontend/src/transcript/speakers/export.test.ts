import { expect, test } from "vitest";
import { final as someFinal, translation } from "../../../client/src/testing/server-events";
import { applyEvent, emptyCaptions } from "../captions";
import { bilingualTrack, exportTranscript, type ExportFormat, type Track } from "../export";
import { speakerName } from "./labels";

const final = (utterance: number, text: string, start_ms: number, end_ms: number, some: object = {}) =>
  someFinal(utterance, text, { start_ms, end_ms, ...some });
const captions = [
  final(1, "Good evening.", 0, 1_000, { speaker: "1" }),
  final(2, "Welcome.", 2_000, 3_000, { speaker: "1" }),
  final(3, "Thank you. Of course.", 4_000, 6_000, {
    speaker: "A & B",
    speaker_segments: [
      { speaker: "A & B", text: "Thank you.", start_ms: 4_000, end_ms: 5_000 },
      { speaker: "1", text: "Of course.", start_ms: 5_000, end_ms: 6_000 },
    ],
  }),
  final(4, "Hm.", 7_000, 8_000),
  translation(1, "Buenas noches."),
  translation(3, "Gracias. Claro."),
].reduce(applyEvent, emptyCaptions);
const exported = (format: ExportFormat, track: Track = "spoken") =>
  exportTranscript(captions, format, track, (speaker) => speakerName(speaker, (number) => `Speaker ${number}`));

test("plain text names the speaker of each line", () => {
  expect(exported("txt")).toBe(
    "Speaker 1: Good evening.\nSpeaker 1: Welcome.\nA & B: Thank you.\nSpeaker 1: Of course.\nHm.\n",
  );
});

test("SubRip names the speaker where the voice changes", () => {
  expect(exported("srt")).toBe(
    "1\n00:00:00,000 --> 00:00:01,000\nSpeaker 1: Good evening.\n\n" +
      "2\n00:00:02,000 --> 00:00:03,000\nWelcome.\n\n" +
      "3\n00:00:04,000 --> 00:00:05,000\nA & B: Thank you.\n\n" +
      "4\n00:00:05,000 --> 00:00:06,000\nSpeaker 1: Of course.\n\n" +
      "5\n00:00:07,000 --> 00:00:08,000\nHm.\n",
  );
});

test("WebVTT has voice spans", () => {
  expect(exported("vtt").split("\n\n").slice(1)).toEqual([
    "00:00:00.000 --> 00:00:01.000\n<v Speaker 1>Good evening.</v>",
    "00:00:02.000 --> 00:00:03.000\n<v Speaker 1>Welcome.</v>",
    "00:00:04.000 --> 00:00:05.000\n<v A &amp; B>Thank you.</v>",
    "00:00:05.000 --> 00:00:06.000\n<v Speaker 1>Of course.</v>",
    "00:00:07.000 --> 00:00:08.000\nHm.\n",
  ]);
});

test("a translation has the speaker of the longest part", () => {
  expect(exported("txt", "es")).toBe("Speaker 1: Buenas noches.\nA & B: Gracias. Claro.\n");
});

test("a bilingual export names the speakers of both parts in the spoken text", () => {
  expect(exported("txt", bilingualTrack("es"))).toBe(
    "Speaker 1: Good evening.\nBuenas noches.\n\nSpeaker 1: Welcome.\n\n" +
      "A & B: Thank you. Speaker 1: Of course.\nGracias. Claro.\n\nHm.\n",
  );
  const [first, , third] = exported("vtt", bilingualTrack("es")).split("\n\n").slice(1);
  expect(first).toBe("00:00:00.000 --> 00:00:01.000\n<v Speaker 1>Good evening.\nBuenas noches.</v>");
  expect(third).toBe(
    "00:00:04.000 --> 00:00:06.000\nA &amp; B: Thank you. Speaker 1: Of course.\nGracias. Claro.",
  );
});

test("JSON has the names of speakers, and the parts of an utterance of several", () => {
  const { utterances } = JSON.parse(exported("json")) as { utterances: Record<string, unknown>[] };
  expect(utterances.map(({ speaker }) => speaker)).toEqual(["Speaker 1", "Speaker 1", "A & B", undefined]);
  expect(utterances[2]?.speaker_segments).toEqual([
    { speaker: "A & B", start_ms: 4_000, end_ms: 5_000, text: "Thank you." },
    { speaker: "Speaker 1", start_ms: 5_000, end_ms: 6_000, text: "Of course." },
  ]);
});
