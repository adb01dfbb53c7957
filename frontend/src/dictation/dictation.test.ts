import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { COMMANDS } from "./commands";
import { beginDictation, dictate, nothingDictated, type Deed, type Dictation, type Ways } from "./dictation";
import { parseDictionary } from "./dictionary";
import type { ServerMessage } from "../../client/src/protocol/messages";
import { error, final, notice, partial, ready, started, translation } from "../../client/src/testing/server-events";

const AT_PAUSES: Ways = { whileSpeaking: false, translation: "", dictionary: parseDictionary(""), commands: COMMANDS };
const WHILE_SPEAKING: Ways = { ...AT_PAUSES, whileSpeaking: true };
const IN_SPANISH: Ways = { ...AT_PAUSES, translation: "es" };

function run(ways: Ways, events: readonly ServerMessage[], from: Dictation = nothingDictated) {
  let dictation = from;
  const deeds: Deed[] = [];
  for (const event of events) {
    const step = dictate(dictation, event, ways);
    dictation = step.dictation;
    deeds.push(...step.deeds);
  }
  return { dictation, deeds, text: deeds.map((deed) => (deed.kind === "type" ? deed.text : "")).join("") };
}

const typed = (ways: Ways, ...events: ServerMessage[]) => run(ways, events).text;
const inSpanish = (utterance: number, text: string) => final(utterance, text, { translate_to: ["es"] });

describe("at the pauses", () => {
  test("finals are typed as they come, joined", () => {
    expect(
      typed(AT_PAUSES, partial(1, 1, "hello"), final(1, "Hello there."), final(2, ""), final(3, "How are you?")),
    ).toBe("Hello there. How are you?");
  });

  test("commands do what they say", () => {
    const events = [
      final(1, "Dear Sam, new line."),
      final(2, "thank you full stop"),
      final(3, "See you. New paragraph. Ann"),
    ];
    expect(typed(AT_PAUSES, ...events)).toBe("Dear Sam,\nThank you. See you.\n\nAnn");
  });

  test("what is said before “scratch that” is dropped while it is not typed", () => {
    expect(run(AT_PAUSES, [final(1, "Hello world. Scratch that. Goodbye.")])).toMatchObject({ text: "Goodbye." });
  });

  test("“scratch that” never touches what is typed, and says so", () => {
    const { deeds } = run(AT_PAUSES, [final(1, "Hello world."), final(2, "Scratch that.")]);
    expect(deeds).toEqual([{ kind: "type", text: "Hello world." }, { kind: "too_late" }]);
  });

  test("“stop typing” types what came before it and nothing behind it", () => {
    const { deeds } = run(AT_PAUSES, [final(1, "Good night. Stop typing. Hello?")]);
    expect(deeds).toEqual([{ kind: "type", text: "Good night." }, { kind: "stop" }]);
  });

  test("the next take goes on behind the last one, or anew elsewhere", () => {
    const { dictation } = run(AT_PAUSES, [final(1, "Hello.")]);
    expect(run(AT_PAUSES, [final(1, "Again.")], beginDictation(dictation, true)).text).toBe(" Again.");
    expect(run(AT_PAUSES, [final(1, "Again.")], beginDictation(dictation, false)).text).toBe("Again.");
  });
});

describe("while one speaks", () => {
  test("committed words are typed at once, and the final only adds to them", () => {
    const events = [
      partial(1, 1, "", "ask"),
      partial(1, 2, "Ask", " not"),
      partial(1, 3, "Ask not what"),
      final(1, "Ask not what you can."),
    ];
    expect(run(WHILE_SPEAKING, events).deeds).toEqual([
      { kind: "type", text: "Ask" },
      { kind: "type", text: " not what" },
      { kind: "type", text: " you can." },
    ]);
  });

  test("words that may become a command wait for the next one", () => {
    const events = [partial(1, 1, "Dear Sam new"), partial(1, 2, "Dear Sam new line thanks")];
    expect(run(WHILE_SPEAKING, events).deeds).toEqual([
      { kind: "type", text: "Dear Sam" },
      { kind: "type", text: "\nThanks" },
    ]);
  });

  test("a final that has another case or punctuation goes on behind as many letters", () => {
    expect(typed(WHILE_SPEAKING, partial(1, 1, "ask not"), final(1, "Ask, not what."))).toBe("ask not what.");
  });

  test("an utterance waits until the one before it is over", () => {
    const events = [partial(1, 1, "One"), partial(2, 1, "Three"), final(1, "One two."), final(2, "Three four.")];
    expect(typed(WHILE_SPEAKING, ...events)).toBe("One two. Three four.");
  });

  test("an utterance that gets no final leaves what was typed of it", () => {
    expect(
      typed(WHILE_SPEAKING, partial(1, 1, "One two"), error("dead_lettered", { utterance: 1 }), final(2, "Three.")),
    ).toBe("One two Three.");
  });
});

describe("the translation instead", () => {
  test("is typed when it is final, in the order in which it was spoken", () => {
    const events = [
      inSpanish(1, "Hello."),
      inSpanish(2, "Bye."),
      translation(2, "Adiós."),
      translation(1, "Ho", false),
      translation(1, "Hola."),
    ];
    expect(run(IN_SPANISH, events).deeds).toEqual([{ kind: "type", text: "Hola. Adiós." }]);
  });

  test("is not waited for where none will come", () => {
    const events = [
      inSpanish(1, "One."),
      inSpanish(2, "Two."),
      translation(2, "Dos."),
      error("not_translated", { utterance: 1 }),
    ];
    expect(typed(IN_SPANISH, ...events)).toBe("Dos.");
    expect(
      typed(IN_SPANISH, inSpanish(1, "One."), inSpanish(2, "Two."), notice("delayed"), translation(2, "Dos.")),
    ).toBe("");
  });

  test("is the spoken text where that is in the language already; and commands are heard as spoken", () => {
    expect(
      typed(IN_SPANISH, final(1, "Hola."), inSpanish(2, "New line."), inSpanish(3, "Bye."), translation(3, "adiós.")),
    ).toBe("Hola.\nAdiós.");
  });

  test("can be scratched while it is awaited", () => {
    expect(
      run(IN_SPANISH, [inSpanish(1, "One."), inSpanish(2, "Scratch that."), translation(1, "Uno.")]).deeds,
    ).toEqual([]);
  });
});

const word = fc.constantFrom("new", "line", "hello", "the", "full", "stop", "world", "nova", "London", "I", "你", "好");
const mark = fc.constantFrom(" ", " ", " ", ", ", ". ");
const said = fc
  .array(fc.tuple(word, mark), { minLength: 1, maxLength: 12 })
  .map((words) => words.flat().join("").trimEnd());

/** As a server says it: partials whose committed words are the beginning of the final, cut behind words. */
const utterances = fc.array(fc.tuple(said, fc.array(fc.nat(12))), { maxLength: 5 });

function eventsOf(all: readonly (readonly [string, readonly number[]])[]): ServerMessage[] {
  return all.flatMap(([text, stops], index) => {
    const ends = [...text.matchAll(/\p{L}+/gu)].map(({ 0: one, index: at }) => at + one.length);
    const committed = ends.filter((_, nth) => stops.includes(nth)).map((end) => text.slice(0, end));
    return [
      started(index + 1),
      ...committed.map((words, nth) => partial(index + 1, nth + 1, words)),
      final(index + 1, text),
    ];
  });
}

describe("whatever is said", () => {
  test("typing while one speaks types what typing at the pauses does", () => {
    fc.assert(
      fc.property(utterances, (all) => {
        const events = eventsOf(all);
        expect(typed(WHILE_SPEAKING, ...events)).toBe(typed(AT_PAUSES, ...events));
      }),
      { numRuns: 500 },
    );
  });

  test("every letter of every final is typed once, however often a connection is lost and told again", () => {
    fc.assert(
      fc.property(utterances, fc.array(fc.nat(60)), fc.boolean(), (all, losses, whileSpeaking) => {
        const once = eventsOf(all);
        const again = once.flatMap((event, index) =>
          losses.includes(index) ? [event, ready(), ...once.slice(0, index + 1)] : [event],
        );
        const ways = { ...AT_PAUSES, whileSpeaking, commands: {} };
        const bare = (text: string) => text.toLowerCase().replace(/[^\p{L}]/gu, "");
        expect(typed(ways, ...again)).toBe(typed(ways, ...once));
        expect(bare(typed(ways, ...once))).toBe(bare(all.map(([text]) => text).join("")));
      }),
    );
  });

  test("what is typed is only ever added to: no event asks for anything else", () => {
    const number = fc.integer({ min: 1, max: 4 });
    const event: fc.Arbitrary<ServerMessage> = fc.oneof(
      fc.tuple(number, fc.nat(9), said).map(([n, revision, text]) => partial(n, revision, text)),
      fc.tuple(number, said).map(([n, text]) => final(n, text)),
      fc.tuple(number, said).map(([n, text]) => inSpanish(n, text)),
      fc.tuple(number, said, fc.boolean()).map(([n, text, isFinal]) => translation(n, text, isFinal)),
      number.map((utterance) => error("dead_lettered", { utterance })),
    );
    fc.assert(
      fc.property(fc.array(event), fc.constantFrom(AT_PAUSES, WHILE_SPEAKING, IN_SPANISH), (events, ways) => {
        let log = "";
        let dictation = nothingDictated;
        for (const next of events) {
          const step = dictate(dictation, next, ways);
          for (const deed of step.deeds) if (deed.kind === "type") log += deed.text;
          expect(step.deeds.every((deed) => deed.kind !== "type" || !/[\b\u007f\u0000-\u0008]/u.test(deed.text))).toBe(
            true,
          );
          expect(log.endsWith(step.dictation.tail)).toBe(true);
          expect(step.dictation.done).toBeGreaterThanOrEqual(dictation.done);
          dictation = step.dictation;
        }
      }),
    );
  });
});
