import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { probe } from "./probe";
import { FakeSocket } from "../../client/src/testing/fake-socket";

function asked() {
  const answer = probe("ws://server/v1/stream", "nova_1");
  const socket = FakeSocket.opened.at(-1);
  if (socket === undefined) throw new Error("no socket was opened");
  socket.onopen?.();
  return { answer, socket };
}

beforeEach(() => {
  vi.stubGlobal("WebSocket", FakeSocket);
  FakeSocket.opened = [];
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a server that takes a session is well, and is let go at once", async () => {
  const { answer, socket } = asked();
  socket.says({ type: "notice", code: "delayed", message: "" });
  socket.says({ type: "ready" });
  expect(await answer).toEqual({ ms: expect.any(Number) as number });
  expect(socket.protocols).toEqual(["nova.v1", "nova.key.nova_1"]);
  const types = socket.written.map((message) => (message as { type: string }).type);
  expect([types, socket.isClosed]).toEqual([["start", "stop"], true]);
});

test("one that refuses it says why", async () => {
  const { answer, socket } = asked();
  socket.says({ type: "error", fatal: true, code: "unauthorized", message: "a key is needed" });
  expect(await answer).toMatchObject({ problem: { code: "unauthorized", message: "a key is needed" } });
});

test("one that is not there, and one that says nothing, are told apart", async () => {
  const { answer, socket } = asked();
  socket.onclose?.({ code: 1006 });
  expect(await answer).toMatchObject({ problem: { code: "connection_lost" } });
  const silent = asked();
  vi.advanceTimersByTime(6_000);
  expect(await silent.answer).toMatchObject({ problem: { code: "no_answer" } });
});
