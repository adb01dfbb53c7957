import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clear, finished, fold, interrupt, noCaptions, shown, type Captions } from "./captions";
import type { ServerMessage } from "./protocol";

const ready = (session = "a"): ServerMessage => ({ type: "ready", session, audio_from_ms: 0, cursor: "0-0" });
const started = (utterance: number, start_ms = 0): ServerMessage => ({ type: "speech_started", utterance, start_ms });
const partial = (utterance: number, revision: number, committed: string, tentative = ""): ServerMessage => ({
  type: "partial",
  utterance,
  revision,
  committed,
  tentative,
  language: "en",
  start_ms: 100 * utterance,
  end_ms: 100 * utterance + 10 * revision,
});
const final = (utterance: number, text: string): ServerMessage => ({
  type: "final",
  utterance,
  text,
  language: "en",
  confidence: 0.9,
  start_ms: 100 * utterance,
  end_ms: 100 * utterance + 90,
  cursor: "",
});
const translation = (utterance: number, text: string, is_final: boolean): ServerMessage => ({
  type: "translation",
  utterance,
  language: "es",
  text,
  is_final,
  cursor: "",
});

const after = (...events: ServerMessage[]): Captions => [ready(), ...events].reduce(fold, noCaptions);
const texts = (captions: Captions) => shown(captions).map(({ committed, tentative }) => [committed, tentative]);

const number = fc.integer({ min: 1, max: 4 });
const text = fc.stringMatching(/^[ab ]{0,6}$/);
const anyEvent: fc.Arbitrary<ServerMessage> = fc.oneof(
  fc.tuple(number, fc.nat(2000)).map(([n, ms]) => started(n, ms)),
  fc.tuple(number, fc.nat(9), text, text).map(([n, revision, a, b]) => partial(n, revision, a, b)),
  fc.tuple(number, text).map(([n, a]) => final(n, a)),
  fc.tuple(number, text, fc.boolean()).map(([n, a, isFinal]) => translation(n, a, isFinal)),
  number.map((n): ServerMessage => ({ type: "error", code: "internal", message: "", utterance: n, fatal: false })),
  fc.constant<ServerMessage>({ type: "notice", code: "previews_slowed", message: "" }),
);

describe("while someone speaks", () => {
  test("committed and tentative words are shown as they come", () => {
    const captions = after(started(1), partial(1, 1, "", "ask"), partial(1, 2, "ask", " not"));
    expect(texts(captions)).toEqual([["ask", " not"]]);
  });

  test("speech that has no words yet shows nothing", () => {
    expect(shown(after(started(1)))).toEqual([]);
  });

  test("a partial that comes late changes nothing", () => {
    const captions = after(partial(1, 2, "ask not"));
    expect(fold(captions, partial(1, 1, "ask"))).toBe(captions);
  });

  test("a partial that takes committed words back changes nothing", () => {
    const captions = after(partial(1, 1, "ask not"));
    expect(fold(captions, partial(1, 2, "ask", " knot"))).toBe(captions);
  });

  test("committed words only grow until the utterance is over, whatever comes", () => {
    fc.assert(
      fc.property(fc.array(anyEvent), (events) => {
        let captions = after();
        for (const event of events) {
          const before = captions;
          captions = fold(captions, event);
          for (const utterance of captions.utterances.filter(({ state }) => state === "speaking")) {
            const earlier = before.utterances.find(({ id }) => id === utterance.id);
            expect(utterance.committed.startsWith(earlier?.committed ?? "")).toBe(true);
          }
        }
      }),
    );
  });
});

describe("when an utterance is over", () => {
  test("its final replaces what was heard, and leaves nothing tentative", () => {
    const captions = after(partial(1, 1, "ask", " knot"), final(1, "Ask not."));
    expect(texts(captions)).toEqual([["Ask not.", ""]]);
    expect(shown(captions)[0]?.state).toBe("final");
  });

  test("an empty final withdraws it, and nothing that comes later brings it back", () => {
    const captions = after(partial(1, 1, "", "Thank you."), final(1, ""), translation(1, "Gracias.", true));
    expect(shown(fold(captions, partial(1, 2, "", "Thank you.")))).toEqual([]);
  });

  test("an error that names it keeps what was heard", () => {
    const error: ServerMessage = { type: "error", code: "internal", message: "", utterance: 1, fatal: false };
    const captions = after(partial(1, 1, "ask", " not"), error);
    expect(shown(captions)[0]).toMatchObject({ state: "interrupted", committed: "ask not", tentative: "" });
  });

  test("the last final is what stays, whatever comes", () => {
    fc.assert(
      fc.property(fc.array(anyEvent), (events) => {
        const finals = new Map(events.flatMap((event) => (event.type === "final" ? [[event.utterance, event.text]] : [])));
        const captions = after(...events);
        for (const [utterance, said] of finals) {
          const kept = captions.utterances.find((other) => other.number === utterance);
          expect(kept).toMatchObject({ committed: said, tentative: "", state: said === "" ? "withdrawn" : "final" });
        }
      }),
    );
  });
});

describe("utterances", () => {
  test("stand in the order they were spoken, however their events are mixed", () => {
    fc.assert(
      fc.property(fc.array(anyEvent), (events) => {
        const numbers = after(...events).utterances.map((utterance) => utterance.number);
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
      }),
    );
  });

  test("that an event does not name stay the same objects", () => {
    const before = after(final(1, "One."), final(2, "Two."));
    const next = fold(before, translation(2, "Dos.", true));
    expect(next.utterances[0]).toBe(before.utterances[0]);
    expect(next.utterances[1]).not.toBe(before.utterances[1]);
  });
});

describe("a translation", () => {
  const shownTranslation = (captions: Captions) => shown(captions)[0]?.translations.es;

  test("may come before the final and after it", () => {
    const before = after(partial(1, 1, "ask"), translation(1, "preguntad", false));
    expect(shownTranslation(before)).toEqual({ text: "preguntad", isFinal: false });
    const finalOnes = [final(1, "Ask not."), translation(1, "No preguntéis.", true)].reduce(fold, before);
    expect(shownTranslation(finalOnes)).toEqual({ text: "No preguntéis.", isFinal: true });
  });

  test("that is final is not replaced by a guess", () => {
    const captions = after(final(1, "Ask."), translation(1, "Preguntad.", true), translation(1, "pregun", false));
    expect(shownTranslation(captions)).toEqual({ text: "Preguntad.", isFinal: true });
  });
});

describe("a session that ends", () => {
  test("keeps what was heard of the utterance in progress", () => {
    const captions = interrupt(after(final(1, "One."), partial(2, 1, "two", " th"), started(3)));
    expect(texts(captions)).toEqual([
      ["One.", ""],
      ["two th", ""],
    ]);
    expect(captions.utterances.map(({ state }) => state)).toEqual(["final", "interrupted", "withdrawn"]);
  });

  test("is followed by the next one on the page's time, although that counts from 1 and 0 ms again", () => {
    const captions = [ready("b"), final(1, "Two.")].reduce(fold, after(final(1, "One.")));
    expect(shown(captions).map(({ id, startMs, endMs }) => [id, startMs, endMs])).toEqual([
      ["a/1", 100, 190],
      ["b/1", 290, 380],
    ]);
  });

  test("is not ended by a second `ready` of its own", () => {
    const captions = after(partial(1, 1, "one"));
    expect(fold(captions, ready("a"))).toBe(captions);
  });
});

test("clearing leaves only the utterance in progress", () => {
  const captions = clear(after(final(1, "One."), partial(2, 1, "two")));
  expect(texts(captions)).toEqual([["two", ""]]);
  expect(finished(fold(captions, translation(1, "Uno.", true)))).toEqual([]);
});
