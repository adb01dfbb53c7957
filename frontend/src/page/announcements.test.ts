import { expect, test } from "vitest";
import { announce } from "./announcements";
import type { ServerMessage } from "../../client/src/protocol/messages";
import { final, partial, translation } from "../../client/src/testing/server-events";

const announced = (...messages: ServerMessage[]) => messages.reduce<ReturnType<typeof announce>>((before, message) => announce(before, message), []);
const texts = (...messages: ServerMessage[]) => announced(...messages).map(({ text }) => text);

test("only complete texts are announced, each of them once", () => {
  const preliminary: ServerMessage = { ...(translation(1, "Ho") as object), is_final: false } as ServerMessage;
  expect(texts(partial(1, 1, "Hel"), preliminary, final(1, "Hello."), translation(1, "Hola."))).toEqual([
    "Hello.",
    "Hola.",
  ]);
});

test("an utterance without words is not announced", () => expect(texts(final(1, ""))).toEqual([]));

test("the same words twice are two announcements, so that they are read twice", () => {
  const ids = announced(final(1, "Yes."), final(2, "Yes.")).map(({ id }) => id);
  expect(new Set(ids).size).toBe(2);
});

test("old announcements are removed", () => {
  const finals = Array.from({ length: 20 }, (_, index) => final(index + 1, `Number ${index + 1}.`));
  expect(texts(...finals)).toEqual(["Number 17.", "Number 18.", "Number 19.", "Number 20."]);
});

test("the speaker is announced where it changes", () => {
  const spoken = [
    [final(1, "Hello."), "Anna"],
    [translation(1, "Hola."), "Anna"],
    [final(2, "So?"), "Anna"],
    [final(3, "Yes."), "Speaker 2"],
  ] as const;
  const all = spoken.reduce<ReturnType<typeof announce>>((before, [message, name]) => announce(before, message, name), []);
  expect(all.map(({ text }) => text)).toEqual([
    "Anna: Hello.",
    "Hola.",
    "So?",
    "Speaker 2: Yes.",
  ]);
});
