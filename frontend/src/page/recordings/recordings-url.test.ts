import { expect, test } from "vitest";
import { recordingsUrl } from "./recordings-url";

const STREAM = "wss://nova.example/v1/stream";

test("the address has the options of the session", () => {
  const url = recordingsUrl(STREAM, { language: "en", translate_to: ["de", "zh-Hans"], hotwords: "Nova Voice, kubectl" });
  expect(url).toBe(
    "https://nova.example/v1/recordings?language=en&translate_to=de&translate_to=zh-Hans&hotwords=Nova+Voice%2C+kubectl",
  );
  expect(recordingsUrl("ws://localhost:8080/v1/stream", { hotwords: "" })).toBe("http://localhost:8080/v1/recordings");
});

test("the address has the speakers that a session may know", () => {
  const url = recordingsUrl(STREAM, { speakers: true, known_speakers: ["Anna", "Ben & Eva"], only_speaker: "Anna" });
  expect(new URL(url).search).toBe(
    "?only_speaker=Anna&speakers=true&known_speakers=Anna&known_speakers=Ben+%26+Eva",
  );
  expect(recordingsUrl(STREAM, { speakers: false, known_speakers: ["Anna"] })).not.toContain("?");
});

test("many long names of speakers leave room for the headers", () => {
  const names = Array.from({ length: 20 }, (_, index) => `${"語".repeat(60)} ${index}`);
  const url = recordingsUrl(STREAM, { speakers: true, known_speakers: names, hotwords: "Nova" });
  expect(url.length).toBeLessThan(6_000);
  expect(new URL(url).searchParams.getAll("known_speakers")).toEqual(names.slice(0, 10));
});

test.each(["語", "é", "😀", "a", "語, "])("many or long hotwords of %j leave room for the headers", (unit) => {
  const terms = unit.repeat(1_000).match(/.{1,40}/gsu) ?? [];
  const words = terms.join(", ").slice(0, 1_000).split(", ");
  const url = recordingsUrl(STREAM, { language: "ja", hotwords: words.join(", ") });
  const sent = new URL(url).searchParams.get("hotwords")?.split(", ") ?? [];
  const withNext = new URL(url);
  withNext.searchParams.set("hotwords", words.slice(0, sent.length + 1).join(", "));
  expect(url.length).toBeLessThan(6_000);
  expect(sent).toEqual(words.slice(0, sent.length));
  expect(sent.length === words.length || withNext.href.length >= 6_000).toBe(true);
});
