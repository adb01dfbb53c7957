import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { probe } from "./probe";

/** The browser's side of a connection, and the hands of its server. */
class FakeSocket {
  static last: FakeSocket | undefined;
  readonly written: string[] = [];
  isClosed = false;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {
    FakeSocket.last = this;
  }

  send(text: string): void {
    this.written.push((JSON.parse(text) as { type: string }).type);
  }

  close(): void {
    this.isClosed = true;
  }
}

function asked() {
  const answer = probe("ws://server/v1/stream", "nova_1");
  const socket = FakeSocket.last;
  if (socket === undefined) throw new Error("no socket was opened");
  socket.onopen?.();
  return { answer, socket, says: (message: unknown) => socket.onmessage?.({ data: JSON.stringify(message) }) };
}

beforeEach(() => {
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a server that takes a session is well, and is let go at once", async () => {
  const { answer, socket, says } = asked();
  says({ type: "notice", code: "delayed", message: "" });
  says({ type: "ready" });
  expect(await answer).toEqual({ ms: expect.any(Number) as number });
  expect(socket.protocols).toEqual(["nova.v1", "nova.key.nova_1"]);
  expect([socket.written, socket.isClosed]).toEqual([["start", "stop"], true]);
});

test("one that refuses it says why", async () => {
  const { answer, says } = asked();
  says({ type: "error", fatal: true, code: "unauthorized", message: "a key is needed" });
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
