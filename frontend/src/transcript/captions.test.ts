import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  applyEvent,
  beginTake,
  clearFinished,
  editUtterance,
  emptyCaptions,
  finishedUtterances,
  interruptOpen,
  restoreUtterances,
  shownUtterances,
  visibleUtterances,
  type Captions,
} from "./captions";
import type { ServerMessage } from "../../client/src/protocol/messages";
import { error, final, notice, partial, ready, started, translation } from "../../client/src/testing/server-events";

const applyAll = (captions: Captions, ...events: ServerMessage[]) => events.reduce(applyEvent, captions);
const after = (...events: ServerMessage[]) => applyAll(beginTake(emptyCaptions), ...events);
const texts = (captions: Captions) =>
  visibleUtterances(captions).map(({ committed, tentative }) => [committed, tentative]);
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

describe("an open utterance", () => {
  test("shows committed and tentative text of the last partial", () => {
    const captions = after(started(1), partial(1, 1, "", "ask"), partial(1, 2, "ask", " not"));
    expect(texts(captions)).toEqual([["ask", " not"]]);
  });

  test("without text is not visible", () => {
    expect(visibleUtterances(after(started(1)))).toEqual([]);
  });

  test("ignores a late partial", () => {
    const captions = after(partial(1, 2, "ask not"));
    expect(applyEvent(captions, partial(1, 1, "ask"))).toBe(captions);
  });

  test("ignores a partial that retracts committed text", () => {
    const captions = after(partial(1, 1, "ask not"));
    expect(applyEvent(captions, partial(1, 2, "ask", " knot"))).toBe(captions);
  });

  test("only adds committed text until it ends or a new connection repeats it", () => {
    fc.assert(
      fc.property(fc.array(anyEvent), (events) => {
        let captions = after();
        const renewed = new Set<number>();
        for (const event of events) {
          const before = captions;
          captions = applyEvent(captions, event);
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

describe("a finished utterance", () => {
  test("has the text of its final, and no tentative text", () => {
    const captions = after(partial(1, 1, "ask", " knot"), final(1, "Ask not."));
    expect(texts(captions)).toEqual([["Ask not.", ""]]);
    expect(visibleUtterances(captions)[0]?.state).toBe("final");
  });

  test("knows whether its speaker has finished, also after its final", () => {
    const end: ServerMessage = { type: "turn_end", utterance: 1, end_ms: 900, silence_ms: 300, probability: 0.9 };
    const [first, second] = visibleUtterances(after(started(1), end, final(1, "Ask not."), final(2, "What")));
    expect([first?.endsTurn, first?.committed, second?.endsTurn]).toEqual([true, "Ask not.", undefined]);
  });

  test("is withdrawn by an empty final, and does not return", () => {
    const captions = after(partial(1, 1, "", "Thank you."), final(1, ""), translation(1, "Gracias."));
    expect(visibleUtterances(applyEvent(captions, partial(1, 2, "", "Thank you.")))).toEqual([]);
  });

  test("keeps its text after an error that names it", () => {
    const captions = after(partial(1, 1, "ask", " not"), dead(1));
    expect(visibleUtterances(captions)[0]).toMatchObject({ state: "interrupted", committed: "ask not", tentative: "" });
  });

  test("is replaced by a late final after an error", () => {
    expect(texts(after(partial(1, 1, "ask", " not"), dead(1), final(1, "Ask not.")))).toEqual([["Ask not.", ""]]);
    expect(texts(after(dead(1), final(1, "Ask not.")))).toEqual([["Ask not.", ""]]);
  });

  test("keeps the first final", () => {
    fc.assert(
      fc.property(fc.array(anyEvent), (events) => {
        const finals = new Map<number, string>();
        for (const event of events) {
          if (event.type === "final" && !finals.has(event.utterance)) finals.set(event.utterance, event.text);
        }
        const captions = after(...events);
        for (const [utterance, speech] of finals) {
          const kept = captions.utterances.find((other) => other.number === utterance);
          expect(kept).toMatchObject({
            committed: speech,
            tentative: "",
            state: speech === "" ? "withdrawn" : "final",
          });
        }
      }),
    );
  });

  test("is changed by translations only", () => {
    fc.assert(
      fc.property(fc.array(anyEvent), (events) => {
        const captions = after(final(1, "One."), final(2, "Two."), final(3, "Three."), final(4, ""));
        const others = events.filter(({ type }) => type !== "translation");
        expect(applyAll(captions, ...others).utterances).toBe(captions.utterances);
      }),
    );
  });
});

describe("after a lost connection", () => {
  const listening = after(ready(), final(1, "One."), started(2, 200), partial(2, 5, "two", " th"));

  test("text stays while the audio is replayed, until its partials have caught up", () => {
    const again = applyAll(
      listening,
      ready({ audio_from_ms: 190 }),
      started(2, 200),
      partial(2, 7, "", "t", { end_ms: 220 }),
    );
    expect(texts(again)).toEqual(texts(listening));
    expect(texts(applyAll(again, partial(2, 8, "two", " three", { end_ms: 260 })))).toEqual([
      ["One.", ""],
      ["two", " three"],
    ]);
  });

  test("a server that replaces a lost one may change committed text", () => {
    const again = applyAll(listening, ready({ session: "b", audio_from_ms: 190 }), started(2, 200));
    expect(texts(applyAll(again, partial(2, 1, "", "to", { end_ms: 260 })))).toEqual([
      ["One.", ""],
      ["", "to"],
    ]);
  });

  test("a final replaces the text without a partial before it", () => {
    expect(texts(applyAll(listening, ready(), final(2, "Two, three.")))).toEqual([
      ["One.", ""],
      ["Two, three.", ""],
    ]);
  });

  test("utterances that another server merges are not shown twice", () => {
    const two = applyAll(listening, partial(2, 6, "two", " three"), started(3, 300), partial(3, 1, "", "four"));
    const again = applyAll(
      two,
      ready({ session: "b" }),
      started(2, 200),
      final(2, "Two, three, four.", { end_ms: 390 }),
    );
    expect(texts(again)).toEqual([
      ["One.", ""],
      ["Two, three, four.", ""],
    ]);
  });

  test("missed events are applied once, and numbering continues", () => {
    const captions = applyAll(listening, ready({ session: "b" }), final(2, "Two."), final(3, "Three."), started(4));
    expect(captions.utterances.map(({ id }) => id)).toEqual(["1/1", "1/2", "1/3", "1/4"]);
  });
});

describe("utterances", () => {
  test("are in the order they were spoken, in whatever order events arrive", () => {
    fc.assert(
      fc.property(fc.array(anyEvent), (events) => {
        const numbers = after(...events).utterances.map((utterance) => utterance.number);
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
      }),
    );
  });

  test("that an event does not concern stay the same objects", () => {
    const before = after(final(1, "One."), final(2, "Two."));
    const next = applyEvent(before, translation(2, "Dos."));
    expect(next.utterances[0]).toBe(before.utterances[0]);
    expect(next.utterances[1]).not.toBe(before.utterances[1]);
  });
});

describe("a translation", () => {
  const shownTranslation = (captions: Captions) => visibleUtterances(captions)[0]?.translations.es;

  test("may arrive before and after the final", () => {
    const before = after(partial(1, 1, "ask"), translation(1, "preguntad", false));
    expect(shownTranslation(before)).toEqual({ text: "preguntad", isFinal: false });
    const finalOnes = applyAll(before, final(1, "Ask not."), translation(1, "No preguntéis."));
    expect(shownTranslation(finalOnes)).toEqual({ text: "No preguntéis.", isFinal: true });
  });

  test("that is final is not replaced by a preliminary one", () => {
    const captions = after(final(1, "Ask."), translation(1, "Preguntad."), translation(1, "pregun", false));
    expect(shownTranslation(captions)).toEqual({ text: "Preguntad.", isFinal: true });
  });
});

describe("a take", () => {
  test("that is interrupted keeps the text of its open utterance", () => {
    const captions = interruptOpen(after(final(1, "One."), partial(2, 1, "two", " th"), started(3)));
    expect(texts(captions)).toEqual([
      ["One.", ""],
      ["two th", ""],
    ]);
    expect(captions.utterances.map(({ state }) => state)).toEqual(["final", "interrupted", "interrupted"]);
  });

  test("follows the previous one on the timeline, although its utterances count from 1 and 0 ms", () => {
    const captions = applyEvent(beginTake(after(final(1, "One."))), final(1, "Two."));
    expect(visibleUtterances(captions).map(({ id, startMs, endMs }) => [id, startMs, endMs])).toEqual([
      ["1/1", 100, 190],
      ["2/1", 290, 380],
    ]);
  });
});

test("clearing keeps only open utterances", () => {
  const captions = clearFinished(after(final(1, "One."), partial(2, 1, "two")));
  expect(texts(captions)).toEqual([["two", ""]]);
  expect(finishedUtterances(applyEvent(captions, translation(1, "Uno.")))).toEqual([]);
});

describe("an edited utterance", () => {
  const spoken = [final(1, "Helo."), translation(1, "Hola."), final(2, "Bye.")].reduce(applyEvent, emptyCaptions);
  const texts = (captions: Captions) => visibleUtterances(captions).map(({ committed }) => committed);

  test("keeps its new texts when a late final arrives", () => {
    const edited = editUtterance(spoken, "0/1", [" Hello. "], { es: "¡Hola!" });
    expect(texts(applyEvent(edited, final(1, "Helo.")))).toEqual(["Hello.", "Bye."]);
    expect(edited.utterances[0]?.translations).toEqual({ es: { text: "¡Hola!", isFinal: true } });
  });

  test("is removed if its text is empty", () => expect(texts(editUtterance(spoken, "0/1", [" "], {}))).toEqual(["Bye."]));

  test("must be finished", () => {
    const open = applyEvent(emptyCaptions, partial(1, 1, "Hel"));
    expect(editUtterance(open, "0/1", ["Hello."], {})).toEqual(open);
  });
});

test("cleared utterances return in their order, also after more speech", () => {
  const spoken = [final(1, "One."), final(3, "Three.")].reduce(applyEvent, emptyCaptions);
  const later = applyEvent(clearFinished(spoken), final(2, "Two."));
  const restored = restoreUtterances(later, spoken.utterances);
  expect(restored.utterances.map(({ committed }) => committed)).toEqual(["One.", "Two.", "Three."]);
  expect(restoreUtterances(restored, spoken.utterances).utterances).toEqual(restored.utterances);
});

test("an utterance is shown from the beginning of speech, and not any more if it has no words", () => {
  const open = applyEvent(emptyCaptions, started(1, 100));
  expect(shownUtterances(open)).toHaveLength(1);
  expect(visibleUtterances(open)).toHaveLength(0);
  expect(shownUtterances(applyEvent(open, final(1, "")))).toHaveLength(0);
  expect(shownUtterances(interruptOpen(open))).toHaveLength(0);
});
