import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Start, Stop } from "../protocol/messages.js";
import { final, partial, ready, started } from "../testing/server-events.js";
import { ResumableSocket } from "./resumable-socket.js";
import { FakeSocket } from "../testing/fake-socket.js";

const ADDRESS = "ws://server/v1/session";
const start: Start = { type: "start", language: "en" };
const options = { type: "configure", language: "es" } as const;
const stop: Stop = { type: "stop" };
const first = { audio_from_ms: 0, utterance: 0, correlation_id: "" };
const ms = (from: number, to: number) =>
  Int16Array.from({ length: (to - from) * 16 }, (_, n) => from + Math.floor(n / 16));

let closedWith: number[];
let session: ResumableSocket;

beforeEach(() => {
  vi.stubGlobal("WebSocket", FakeSocket);
  FakeSocket.opened = [];
  closedWith = [];
  session = new ResumableSocket({
    onMessage: (message) => {
      if (message.type === "ready") session.replay(options);
    },
    onClosed: (code) => closedWith.push(code),
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

function openSocket(): FakeSocket {
  const socket = FakeSocket.opened.at(-1);
  if (socket === undefined) throw new Error("no socket was opened");
  socket.onopen?.();
  return socket;
}

function startSession(): FakeSocket {
  session.startSession(ADDRESS, start);
  return openSocket();
}

function resumeSession(): FakeSocket {
  session.resumeSession(ADDRESS);
  return openSocket();
}

test("audio from before `ready` is sent after it, preceded by the current options", () => {
  const socket = startSession();
  session.send(ms(0, 2));
  session.configure({ type: "configure", language: "de" });
  expect(socket.sent).toEqual([{ ...start, ...first }]);
  socket.receive(ready());
  session.send(ms(2, 3));
  expect(socket.sent.slice(1)).toEqual([options, [...ms(0, 2)], [...ms(2, 3)]]);
});

test("a resumed connection sends the audio that the server lacks, and the committed text", () => {
  const before = startSession();
  before.receive(ready());
  session.send(ms(0, 400));
  before.receive(final(1, "One.", { end_ms: 190, cursor: "5-0" }), started(2, 200), partial(2, 3, "two"));
  before.onclose?.({ code: 1006 });
  session.send(ms(400, 402));
  session.send(stop);
  expect(closedWith).toEqual([1006]);
  const socket = resumeSession();
  const asked = { session: "a", token: "secret", cursor: "5-0", audio_from_ms: 190, utterance: 1 };
  expect(socket.sent).toEqual([{ type: "resume", ...asked, open_utterance: 2, committed: "two" }]);
  socket.receive(ready({ audio_from_ms: 398 }));
  expect(socket.sent.slice(1)).toEqual([options, [...ms(398, 400)], [...ms(400, 402)], stop]);
});

test("a session that replaces a lost one begins with the oldest audio, and continues to count", () => {
  const before = startSession();
  before.receive(ready());
  session.send(ms(0, 200));
  before.receive(final(1, "One.", { end_ms: 190 }));
  before.onclose?.({ code: 1006 });
  const socket = startSession();
  socket.receive(ready({ session: "b", audio_from_ms: 190 }));
  expect(socket.sent).toEqual([
    { ...start, audio_from_ms: 190, utterance: 1, correlation_id: "c" },
    options,
    [...ms(190, 200)],
  ]);
});

test("a closed or replaced socket reports nothing", () => {
  const before = startSession();
  before.receive(ready());
  const socket = resumeSession();
  before.onclose?.({ code: 4001 });
  session.send(ms(0, 1));
  expect([before.isClosed, before.sent.length, socket.sent.length]).toEqual([true, 2, 1]);
  session.close();
  socket.onclose?.({ code: 1006 });
  expect(closedWith).toEqual([]);
});

test.each([
  ["nova_1_2", ["nova.v1", "nova.key.nova_1_2"]],
  ["", []],
  ["not a token", []],
])("the key %j is offered as a subprotocol when a session starts and when it resumes", (key, protocols) => {
  session.startSession(ADDRESS, start, key);
  expect(FakeSocket.opened.at(-1)?.protocols).toEqual(protocols);
  session.resumeSession(ADDRESS, key);
  expect(FakeSocket.opened.at(-1)?.protocols).toEqual(protocols);
});

test("nothing of a finished session is sent in the next one", () => {
  const before = startSession();
  before.receive(ready());
  session.send(ms(0, 200));
  before.receive(final(1, "One."));
  session.forgetSession();
  const socket = startSession();
  socket.receive(ready({ session: "b" }));
  expect(socket.sent).toEqual([{ ...start, ...first }, options]);
});
