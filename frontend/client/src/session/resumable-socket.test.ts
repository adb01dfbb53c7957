import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Start, Stop } from "../protocol/messages";
import { final, partial, ready, started } from "../testing/server-events";
import { Stream } from "./resumable-socket";
import { FakeSocket } from "../testing/fake-socket";

const ADDRESS = "ws://server/v1/stream";
const start: Start = { type: "start", language: "en" };
const options = { type: "configure", language: "es" } as const;
const stop: Stop = { type: "stop" };
const first = { audio_from_ms: 0, utterance: 0, correlation_id: "" };
const ms = (from: number, to: number) =>
  Int16Array.from({ length: (to - from) * 16 }, (_, n) => from + Math.floor(n / 16));

let closedWith: number[];
let stream: Stream;

beforeEach(() => {
  vi.stubGlobal("WebSocket", FakeSocket);
  FakeSocket.opened = [];
  closedWith = [];
  stream = new Stream({
    onMessage: (message) => {
      if (message.type === "ready") stream.flush(options);
    },
    onClosed: (code) => closedWith.push(code),
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

function connected(): FakeSocket {
  const socket = FakeSocket.opened.at(-1);
  if (socket === undefined) throw new Error("no socket was opened");
  socket.onopen?.();
  return socket;
}

function begun(): FakeSocket {
  stream.start(ADDRESS, start);
  return connected();
}

function resumed(): FakeSocket {
  stream.resume(ADDRESS);
  return connected();
}

test("what is spoken before the server is ready is sent when it is, behind the options as they are by then", () => {
  const socket = begun();
  stream.send(ms(0, 2));
  stream.configure({ type: "configure", language: "de" });
  expect(socket.written).toEqual([{ ...start, ...first }]);
  socket.says(ready());
  stream.send(ms(2, 3));
  expect(socket.written.slice(1)).toEqual([options, [...ms(0, 2)], [...ms(2, 3)]]);
});

test("a connection that is lost is resumed, and gets what the server lacks, with the words still promised", () => {
  const before = begun();
  before.says(ready());
  stream.send(ms(0, 400));
  before.says(final(1, "One.", { end_ms: 190, cursor: "5-0" }), started(2, 200), partial(2, 3, "two"));
  before.onclose?.({ code: 1006 });
  stream.send(ms(400, 402));
  stream.send(stop);
  expect(closedWith).toEqual([1006]);
  const socket = resumed();
  const asked = { session: "a", token: "secret", cursor: "5-0", audio_from_ms: 190, utterance: 1 };
  expect(socket.written).toEqual([{ type: "resume", ...asked, open_utterance: 2, committed: "two" }]);
  socket.says(ready({ audio_from_ms: 398 }));
  expect(socket.written.slice(1)).toEqual([options, [...ms(398, 400)], [...ms(400, 402)], stop]);
});

test("a session in the place of a lost one begins with the oldest audio there is, and counts on", () => {
  const before = begun();
  before.says(ready());
  stream.send(ms(0, 200));
  before.says(final(1, "One.", { end_ms: 190 }));
  before.onclose?.({ code: 1006 });
  const socket = begun();
  socket.says(ready({ session: "b", audio_from_ms: 190 }));
  expect(socket.written).toEqual([
    { ...start, audio_from_ms: 190, utterance: 1, correlation_id: "c" },
    options,
    [...ms(190, 200)],
  ]);
});

test("a socket that is left says nothing more, and neither does the one whose place it takes", () => {
  const before = begun();
  before.says(ready());
  const socket = resumed();
  before.onclose?.({ code: 4001 });
  stream.send(ms(0, 1));
  expect([before.isClosed, before.written.length, socket.written.length]).toEqual([true, 2, 1]);
  stream.close();
  socket.onclose?.({ code: 1006 });
  expect(closedWith).toEqual([]);
});

test.each([
  ["nova_1_2", ["nova.v1", "nova.key.nova_1_2"]],
  ["", []],
  ["no key, this", []],
])("the key %j is sent among the subprotocols, at the start and when it goes on", (key, protocols) => {
  stream.start(ADDRESS, start, key);
  expect(FakeSocket.opened.at(-1)?.protocols).toEqual(protocols);
  stream.resume(ADDRESS, key);
  expect(FakeSocket.opened.at(-1)?.protocols).toEqual(protocols);
});

test("nothing of a session that is over goes into the next", () => {
  const before = begun();
  before.says(ready());
  stream.send(ms(0, 200));
  before.says(final(1, "One."));
  stream.drop();
  const socket = begun();
  socket.says(ready({ session: "b" }));
  expect(socket.written).toEqual([{ ...start, ...first }, options]);
});
