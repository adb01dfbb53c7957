import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { begin, clear, finished, fold, interrupt, noCaptions, shown, type Captions } from "./captions";
import type { ServerMessage } from "../../client/src/protocol/messages";
import { error, final, notice, partial, ready, started, translation } from "../../client/src/testing/server-events";

const heard = (captions: Captions, ...events: ServerMessage[]) => events.reduce(fold, captions);
const after = (...events: ServerMessage[]) => heard(begin(noCaptions), ...events);
const texts = (captions: Captions) => shown(captions).map(({ committed, tentative }) => [committed, tentative]);
const dead = (utterance: number) => error("dead_lettered", { utterance });

const number = fc.integer({ min: 1, max: 4 });
const text = fc.stringMatching(/^[ab ]{0,6}$/);
const anyEvent: fc.Arbitrary<ServerMessage> = fc.oneof(
  fc.tuple(number, fc.nat(2000)).map(([n, ms]) => started(n, ms)),
  fc.tuple(number, fc.nat(9), text, text).map(([n, revision, a, b]) => partial(n, revision, a, b)),
  fc.tuple(number, text).map(([n, a]) => final(n, a)),
  fc.tuple(number, text, fc.boolean()).map(([n, a, isFinal]) => translation(n, a, isFinal)),
  number.map(dead),
  fc.constantFrom<ServerMessage>(notice("previews_slowed"), ready(), ready({ session: "b" })),
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

  test("committed words only grow until the utterance is over or begins anew, whatever else comes", () => {
    fc.assert(
      fc.property(fc.array(anyEvent), (events) => {
        let captions = after();
        const renewed = new Set<number>();
        for (const event of events) {
          const before = captions;
          captions = fold(captions, event);
          if (event.type === "speech_started") renewed.add(event.utterance);
          for (const utterance of captions.utterances.filter(({ state }) => state === "speaking")) {
            const earlier = before.utterances.find(({ id }) => id === utterance.id);
            const isFree = event.type === "partial" && renewed.has(utterance.number);
            if (!isFree) expect(utterance.committed.startsWith(earlier?.committed ?? "")).toBe(true);
            if (utterance !== earlier && isFree) renewed.delete(utterance.number);
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
    const captions = after(partial(1, 1, "", "Thank you."), final(1, ""), translation(1, "Gracias."));
    expect(shown(fold(captions, partial(1, 2, "", "Thank you.")))).toEqual([]);
  });

  test("an error that names it keeps what was heard", () => {
    const captions = after(partial(1, 1, "ask", " not"), dead(1));
    expect(shown(captions)[0]).toMatchObject({ state: "interrupted", committed: "ask not", tentative: "" });
  });

  test("a final that comes late, after an error, is still shown", () => {
    expect(texts(after(partial(1, 1, "ask", " not"), dead(1), final(1, "Ask not.")))).toEqual([["Ask not.", ""]]);
    expect(texts(after(dead(1), final(1, "Ask not.")))).toEqual([["Ask not.", ""]]);
  });

  test("the first final is what stays, whatever comes", () => {
    fc.assert(
      fc.property(fc.array(anyEvent), (events) => {
        const finals = new Map<number, string>();
        for (const event of events) {
          if (event.type === "final" && !finals.has(event.utterance)) finals.set(event.utterance, event.text);
        }
        const captions = after(...events);
        for (const [utterance, said] of finals) {
          const kept = captions.utterances.find((other) => other.number === utterance);
          expect(kept).toMatchObject({ committed: said, tentative: "", state: said === "" ? "withdrawn" : "final" });
        }
      }),
    );
  });

  test("only a translation still changes it", () => {
    fc.assert(
      fc.property(fc.array(anyEvent), (events) => {
        const captions = after(final(1, "One."), final(2, "Two."), final(3, "Three."), final(4, ""));
        const others = events.filter(({ type }) => type !== "translation");
        expect(heard(captions, ...others)).toBe(captions);
      }),
    );
  });
});

describe("when a connection is lost", () => {
  const listening = after(ready(), final(1, "One."), started(2, 200), partial(2, 5, "two", " th"));

  test("what is shown stays while the utterance is heard again, until that has caught up", () => {
    const again = heard(listening, ready({ audio_from_ms: 190 }), started(2, 200), partial(2, 7, "", "t", { end_ms: 220 }));
    expect(texts(again)).toEqual(texts(listening));
    expect(texts(heard(again, partial(2, 8, "two", " three", { end_ms: 260 })))).toEqual([
      ["One.", ""],
      ["two", " three"],
    ]);
  });

  test("a server in the place of a lost one, which knows of no promise, may say it otherwise", () => {
    const again = heard(listening, ready({ session: "b", audio_from_ms: 190 }), started(2, 200));
    expect(texts(heard(again, partial(2, 1, "", "to", { end_ms: 260 })))).toEqual([
      ["One.", ""],
      ["", "to"],
    ]);
  });

  test("the final replaces it, although no partial came before", () => {
    expect(texts(heard(listening, ready(), final(2, "Two, three.")))).toEqual([
      ["One.", ""],
      ["Two, three.", ""],
    ]);
  });

  test("an utterance that another server counts into the one before is not shown twice", () => {
    const two = heard(listening, partial(2, 6, "two", " three"), started(3, 300), partial(3, 1, "", "four"));
    const again = heard(two, ready({ session: "b" }), started(2, 200), final(2, "Two, three, four.", { end_ms: 390 }));
    expect(texts(again)).toEqual([
      ["One.", ""],
      ["Two, three, four.", ""],
    ]);
  });

  test("what was missed meanwhile is told once, and numbered as before", () => {
    const captions = heard(listening, ready({ session: "b" }), final(2, "Two."), final(3, "Three."), started(4));
    expect(captions.utterances.map(({ id }) => id)).toEqual(["1/1", "1/2", "1/3", "1/4"]);
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
    const next = fold(before, translation(2, "Dos."));
    expect(next.utterances[0]).toBe(before.utterances[0]);
    expect(next.utterances[1]).not.toBe(before.utterances[1]);
  });
});

describe("a translation", () => {
  const shownTranslation = (captions: Captions) => shown(captions)[0]?.translations.es;

  test("may come before the final and after it", () => {
    const before = after(partial(1, 1, "ask"), translation(1, "preguntad", false));
    expect(shownTranslation(before)).toEqual({ text: "preguntad", isFinal: false });
    const finalOnes = heard(before, final(1, "Ask not."), translation(1, "No preguntéis."));
    expect(shownTranslation(finalOnes)).toEqual({ text: "No preguntéis.", isFinal: true });
  });

  test("that is final is not replaced by a guess", () => {
    const captions = after(final(1, "Ask."), translation(1, "Preguntad."), translation(1, "pregun", false));
    expect(shownTranslation(captions)).toEqual({ text: "Preguntad.", isFinal: true });
  });
});

describe("a take that ends", () => {
  test("keeps what was heard of the utterance in progress", () => {
    const captions = interrupt(after(final(1, "One."), partial(2, 1, "two", " th"), started(3)));
    expect(texts(captions)).toEqual([
      ["One.", ""],
      ["two th", ""],
    ]);
    expect(captions.utterances.map(({ state }) => state)).toEqual(["final", "interrupted", "interrupted"]);
  });

  test("is followed by the next one on the page's time, although that counts from 1 and 0 ms again", () => {
    const captions = fold(begin(after(final(1, "One."))), final(1, "Two."));
    expect(shown(captions).map(({ id, startMs, endMs }) => [id, startMs, endMs])).toEqual([
      ["1/1", 100, 190],
      ["2/1", 290, 380],
    ]);
  });
});

test("clearing leaves only the utterance in progress", () => {
  const captions = clear(after(final(1, "One."), partial(2, 1, "two")));
  expect(texts(captions)).toEqual([["two", ""]]);
  expect(finished(fold(captions, translation(1, "Uno.")))).toEqual([]);
});
