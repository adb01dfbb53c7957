import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { probeServer } from "./probe";
import { FakeSocket } from "../../client/src/testing/fake-socket";

function startProbe() {
  const result = probeServer("ws://server/v1/stream", "nova_1");
  const socket = FakeSocket.opened.at(-1);
  if (socket === undefined) throw new Error("no socket was opened");
  socket.onopen?.();
  return { result, socket };
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

test("a server that accepts a session is available, and the session is stopped", async () => {
  const { result, socket } = startProbe();
  socket.receive({ type: "notice", code: "delayed", message: "" });
  socket.receive({ type: "ready" });
  expect(await result).toEqual({ ms: expect.any(Number) as number });
  expect(socket.protocols).toEqual(["nova.v1", "nova.key.nova_1"]);
  const types = socket.sent.map((message) => (message as { type: string }).type);
  expect([types, socket.isClosed]).toEqual([["start", "stop"], true]);
});

test("a refusal is reported with the server's message", async () => {
  const { result, socket } = startProbe();
  socket.receive({ type: "error", fatal: true, code: "unauthorized", message: "a key is needed" });
  expect(await result).toMatchObject({ problem: { code: "unauthorized", message: "a key is needed" } });
});

test("an unreachable server and one that does not answer are different problems", async () => {
  const { result, socket } = startProbe();
  socket.onclose?.({ code: 1006 });
  expect(await result).toMatchObject({ problem: { code: "connection_lost" } });
  const silent = startProbe();
  vi.advanceTimersByTime(6_000);
  expect(await silent.result).toMatchObject({ problem: { code: "no_answer" } });
});
