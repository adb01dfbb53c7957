import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_COMMANDS } from "./commands";
import {
  beginDictation,
  dictate,
  emptyDictation,
  type TypingAction,
  type Dictation,
  type DictationOptions,
} from "./dictation";
import { parseDictionary } from "./dictionary";
import type { ServerMessage } from "../../client/src/protocol/messages";
import { error, final, notice, partial, ready, started, translation } from "../../client/src/testing/server-events";

const AT_PAUSES: DictationOptions = {
  whileSpeaking: false,
  translationLanguage: "",
  dictionary: parseDictionary(""),
  commands: DEFAULT_COMMANDS,
};
const WHILE_SPEAKING: DictationOptions = { ...AT_PAUSES, whileSpeaking: true };
const IN_SPANISH: DictationOptions = { ...AT_PAUSES, translationLanguage: "es" };

function run(options: DictationOptions, events: readonly ServerMessage[], from: Dictation = emptyDictation) {
  let dictation = from;
  const actions: TypingAction[] = [];
  for (const event of events) {
    const step = dictate(dictation, event, options);
    dictation = step.dictation;
    actions.push(...step.actions);
  }
  return { dictation, actions, text: actions.map((action) => (action.kind === "type" ? action.text : "")).join("") };
}

const typed = (options: DictationOptions, ...events: ServerMessage[]) => run(options, events).text;
const inSpanish = (utterance: number, text: string) => final(utterance, text, { translate_to: ["es"] });

describe("typing at pauses", () => {
  test("types finals as they arrive, joined by spaces", () => {
    expect(
      typed(AT_PAUSES, partial(1, 1, "hello"), final(1, "Hello there."), final(2, ""), final(3, "How are you?")),
    ).toBe("Hello there. How are you?");
  });

  test("executes commands", () => {
    const events = [
      final(1, "Dear Sam, new line."),
      final(2, "thank you full stop"),
      final(3, "See you. New paragraph. Ann"),
    ];
    expect(typed(AT_PAUSES, ...events)).toBe("Dear Sam,\nThank you. See you.\n\nAnn");
  });

  test("“scratch that” discards text that is not typed yet", () => {
    expect(run(AT_PAUSES, [final(1, "Hello world. Scratch that. Goodbye.")])).toMatchObject({ text: "Goodbye." });
  });

  test("“scratch that” does not change typed text, and reports it", () => {
    const { actions } = run(AT_PAUSES, [final(1, "Hello world."), final(2, "Scratch that.")]);
    expect(actions).toEqual([{ kind: "type", text: "Hello world." }, { kind: "too_late" }]);
  });

  test("“stop typing” types the text before it and nothing after it", () => {
    const { actions } = run(AT_PAUSES, [final(1, "Good night. Stop typing. Hello?")]);
    expect(actions).toEqual([{ kind: "type", text: "Good night." }, { kind: "stop" }]);
  });

  test("the next take continues the previous one, or starts elsewhere", () => {
    const { dictation } = run(AT_PAUSES, [final(1, "Hello.")]);
    expect(run(AT_PAUSES, [final(1, "Again.")], beginDictation(dictation, true)).text).toBe(" Again.");
    expect(run(AT_PAUSES, [final(1, "Again.")], beginDictation(dictation, false)).text).toBe("Again.");
  });
});

describe("typing while speaking", () => {
  test("types committed text immediately, and the final only adds to it", () => {
    const events = [
      partial(1, 1, "", "ask"),
      partial(1, 2, "Ask", " not"),
      partial(1, 3, "Ask not what"),
      final(1, "Ask not what you can."),
    ];
    expect(run(WHILE_SPEAKING, events).actions).toEqual([
      { kind: "type", text: "Ask" },
      { kind: "type", text: " not what" },
      { kind: "type", text: " you can." },
    ]);
  });

  test("delays words that may become a command until the next word", () => {
    const events = [partial(1, 1, "Dear Sam new"), partial(1, 2, "Dear Sam new line thanks")];
    expect(run(WHILE_SPEAKING, events).actions).toEqual([
      { kind: "type", text: "Dear Sam" },
      { kind: "type", text: "\nThanks" },
    ]);
  });

  test("continues after the same number of letters if the final differs in case or punctuation", () => {
    expect(typed(WHILE_SPEAKING, partial(1, 1, "ask not"), final(1, "Ask, not what."))).toBe("ask not what.");
  });

  test("delays an utterance until the previous one is complete", () => {
    const events = [partial(1, 1, "One"), partial(2, 1, "Three"), final(1, "One two."), final(2, "Three four.")];
    expect(typed(WHILE_SPEAKING, ...events)).toBe("One two. Three four.");
  });

  test("keeps the typed text of an utterance without a final", () => {
    expect(
      typed(WHILE_SPEAKING, partial(1, 1, "One two"), error("dead_lettered", { utterance: 1 }), final(2, "Three.")),
    ).toBe("One two Three.");
  });
});

describe("typing the translation", () => {
  test("types final translations in the order of the utterances", () => {
    const events = [
      inSpanish(1, "Hello."),
      inSpanish(2, "Bye."),
      translation(2, "Adiós."),
      translation(1, "Ho", false),
      translation(1, "Hola."),
    ];
    expect(run(IN_SPANISH, events).actions).toEqual([{ kind: "type", text: "Hola. Adiós." }]);
  });

  test("does not wait for a translation that will not arrive", () => {
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

  test("types the spoken text if it is already in the target language, and executes spoken commands", () => {
    expect(
      typed(IN_SPANISH, final(1, "Hola."), inSpanish(2, "New line."), inSpanish(3, "Bye."), translation(3, "adiós.")),
    ).toBe("Hola.\nAdiós.");
  });

  test("“scratch that” discards a translation that has not arrived", () => {
    expect(
      run(IN_SPANISH, [inSpanish(1, "One."), inSpanish(2, "Scratch that."), translation(1, "Uno.")]).actions,
    ).toEqual([]);
  });
});

const word = fc.constantFrom("new", "line", "hello", "the", "full", "stop", "world", "nova", "London", "I", "你", "好");
const mark = fc.constantFrom(" ", " ", " ", ", ", ". ");
const speech = fc
  .array(fc.tuple(word, mark), { minLength: 1, maxLength: 12 })
  .map((words) => words.flat().join("").trimEnd());

/** As a server sends them: partials whose committed text is the beginning of the final, cut after words. */
const utterances = fc.array(fc.tuple(speech, fc.array(fc.nat(12))), { maxLength: 5 });

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

describe("for any speech", () => {
  test("typing while speaking types the same text as typing at pauses", () => {
    fc.assert(
      fc.property(utterances, (all) => {
        const events = eventsOf(all);
        expect(typed(WHILE_SPEAKING, ...events)).toBe(typed(AT_PAUSES, ...events));
      }),
      { numRuns: 500 },
    );
  });

  test("every letter of every final is typed once, even if events are repeated after lost connections", () => {
    fc.assert(
      fc.property(utterances, fc.array(fc.nat(60)), fc.boolean(), (all, losses, whileSpeaking) => {
        const once = eventsOf(all);
        const again = once.flatMap((event, index) =>
          losses.includes(index) ? [event, ready(), ...once.slice(0, index + 1)] : [event],
        );
        const options = { ...AT_PAUSES, whileSpeaking, commands: {} };
        const bare = (text: string) => text.toLowerCase().replace(/[^\p{L}]/gu, "");
        expect(typed(options, ...again)).toBe(typed(options, ...once));
        expect(bare(typed(options, ...once))).toBe(bare(all.map(([text]) => text).join("")));
      }),
    );
  });

  test("text is only ever appended", () => {
    const number = fc.integer({ min: 1, max: 4 });
    const event: fc.Arbitrary<ServerMessage> = fc.oneof(
      fc.tuple(number, fc.nat(9), speech).map(([n, revision, text]) => partial(n, revision, text)),
      fc.tuple(number, speech).map(([n, text]) => final(n, text)),
      fc.tuple(number, speech).map(([n, text]) => inSpanish(n, text)),
      fc.tuple(number, speech, fc.boolean()).map(([n, text, isFinal]) => translation(n, text, isFinal)),
      number.map((utterance) => error("dead_lettered", { utterance })),
    );
    fc.assert(
      fc.property(fc.array(event), fc.constantFrom(AT_PAUSES, WHILE_SPEAKING, IN_SPANISH), (events, options) => {
        let log = "";
        let dictation = emptyDictation;
        for (const next of events) {
          const step = dictate(dictation, next, options);
          for (const action of step.actions) if (action.kind === "type") log += action.text;
          expect(
            step.actions.every((action) => action.kind !== "type" || !/[\b\u007f\u0000-\u0008]/u.test(action.text)),
          ).toBe(true);
          expect(log.endsWith(step.dictation.tail)).toBe(true);
          expect(step.dictation.lastUtterance).toBeGreaterThanOrEqual(dictation.lastUtterance);
          dictation = step.dictation;
        }
      }),
    );
  });
});
