import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { connect, NovaVoiceError, type Client, type ClientOptions } from "./client.js";
import { EventQueue } from "./event-queue.js";
import type { ServerMessage } from "./protocol/messages.js";
import { FakeSocket } from "./testing/fake-socket.js";
import { done, error, final, partial, ready, started } from "./testing/server-events.js";

const samples = (length: number, first = 0) => Int16Array.from({ length }, (_, index) => first + index);

beforeEach(() => {
  FakeSocket.opened = [];
  vi.useFakeTimers();
});

afterEach(() => vi.useRealTimers());

/** Waits until the client has opened a socket, and lets it connect. */
async function nextSocket(): Promise<FakeSocket> {
  const count = FakeSocket.opened.length;
  await vi.waitUntil(() => FakeSocket.opened.length > count);
  const socket = FakeSocket.opened[count];
  if (socket === undefined) throw new Error("no socket was opened");
  socket.onopen?.();
  return socket;
}

async function connected(options: ClientOptions = {}): Promise<{ client: Client; socket: FakeSocket }> {
  const client = connect("server", { ...options, WebSocket: FakeSocket });
  const socket = await nextSocket();
  socket.receive(ready());
  return { client: await client, socket };
}

async function eventsOf(client: Client): Promise<ServerMessage["type"][]> {
  const types: ServerMessage["type"][] = [];
  for await (const event of client) types.push(event.type);
  return types;
}

describe("connect", () => {
  test("opens a session with the options and the key", async () => {
    const { client, socket } = await connected({ language: "en", translate_to: ["es"], key: "nova_1" });
    expect(socket.url).toBe("ws://server/v1/stream");
    expect(socket.protocols).toEqual(["nova.v1", "nova.key.nova_1"]);
    expect(socket.sent[0]).toMatchObject({
      type: "start",
      language: "en",
      translate_to: ["es"],
      audio: { encoding: "pcm_s16le", sample_rate: 16_000, channels: 1 },
    });
    expect(client.state.phase).toBe("listening");
  });

  test("opens a session with several channels, and sends the samples of all channels together", async () => {
    const { client, socket } = await connected({
      channels: 2,
      channelOrder: "time",
    });
    expect(socket.sent[0]).toMatchObject({
      audio: { channels: 2 },
      multichannel: true,
      channel_order: "time",
      positions: [
        { audio_from_ms: 0, utterance: 0 },
        { audio_from_ms: 0, utterance: 0 },
      ],
    });
    expect(socket.sent[1]).not.toHaveProperty("channel_order");
    client.send(samples(3));
    client.send(samples(3, 3));
    expect(socket.sent.slice(2)).toEqual([
      [0, 1],
      [2, 3, 4, 5],
    ]);
  });

  test("rejects with the code and message of a refusal", async () => {
    const client = connect("server", { WebSocket: FakeSocket });
    const refused = expect(client).rejects.toMatchObject({ code: "unauthorized", message: "a key is needed" });
    const socket = await nextSocket();
    socket.receive(error("unauthorized", { message: "a key is needed", fatal: true }));
    socket.onclose?.({ code: 1008 });
    await refused;
  });

  test("rejects when the server cannot be reached in time", async () => {
    const client = connect("server", { WebSocket: FakeSocket, connectTimeoutMs: 1_000 });
    const failed = expect(client).rejects.toMatchObject({ code: "connection_lost" });
    (await nextSocket()).onclose?.({ code: 1006 });
    await vi.advanceTimersByTimeAsync(1_000);
    await failed;
  });

  test("rejects an invalid address", async () => {
    await expect(connect("ftp://server")).rejects.toThrow(TypeError);
  });
});

describe("a client", () => {
  test("sends audio in messages of at most 100 ms, and keeps no reference to the caller's buffer", async () => {
    const { client, socket } = await connected();
    const pcm = samples(2_000);
    client.send(pcm);
    pcm.fill(0);
    client.send(samples(2, 7).buffer);
    client.send(new Uint8Array([1, 0, 255, 255]));
    client.finalize();
    const [first, second, ...others] = socket.sent.slice(2);
    expect([first, second]).toEqual([[...samples(1_600)], [...samples(400, 1_600)]]);
    expect(others).toEqual([[7, 8], [1, -1], { type: "finalize" }]);
  });

  test("accepts bytes that end inside a sample", async () => {
    const { client, socket } = await connected();
    const bytes = new Uint8Array([1, 0, 2, 0, 3, 0, 4, 0, 5]);
    const cuts = [0, 3, 3, 4, 9];
    cuts.forEach((cut, at) => client.send(bytes.subarray(cut, cuts[at + 1])));
    client.send(Int16Array.from([0x0600, 0x0700]));
    client.send(new Uint8Array([0]));
    expect(socket.sent.slice(2).flat()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test("delivers events to listeners and to the iteration, which ends after `done`", async () => {
    const { client, socket } = await connected();
    const texts: string[] = [];
    client.on("partial", ({ committed }) => texts.push(committed));
    const remove = client.on("final", ({ text }) => texts.push(text));
    const events = eventsOf(client);
    socket.receive(started(1), partial(1, 1, "ask"), final(1, "Ask not."));
    remove();
    const stopped = client.stop();
    await vi.advanceTimersByTimeAsync(0);
    expect(socket.sent.at(-1)).toEqual({ type: "stop" });
    socket.receive(final(2, "Bye."), done);
    await stopped;
    expect(texts).toEqual(["ask", "Ask not."]);
    expect(await events).toEqual(["ready", "speech_started", "partial", "final", "final", "done"]);
    expect(socket.isClosed).toBe(true);
    expect(() => client.send(samples(1))).toThrow("ended");
  });

  test("resumes a lost connection with the latest options and the audio that no final covers", async () => {
    const { client, socket } = await connected({ language: "en" });
    const phases: string[] = [];
    client.on("state", ({ phase }) => phases.push(phase));
    client.configure({ language: "es" });
    client.send(samples(320));
    socket.receive(final(1, "Hola.", { end_ms: 10, cursor: "5-0" }));
    socket.onclose?.({ code: 1006 });
    client.send(samples(16, 320));
    const resumed = await nextSocket();
    expect(resumed.sent).toMatchObject([{ type: "resume", session: "a", cursor: "5-0", audio_from_ms: 10 }]);
    resumed.receive(ready({ audio_from_ms: 10 }));
    expect(resumed.sent.slice(1)).toEqual([
      { type: "configure", language: "es" },
      [...samples(160, 160)],
      [...samples(16, 320)],
    ]);
    expect([...new Set(phases)]).toEqual(["listening", "waiting", "connecting"]);
  });

  test("reports a failure to `stop` and to the iteration", async () => {
    const { client, socket } = await connected();
    const stopped = client.stop();
    socket.receive(error("internal", { message: "no space left", fatal: true }));
    socket.onclose?.({ code: 1008 });
    await expect(stopped).rejects.toBeInstanceOf(NovaVoiceError);
    await expect(eventsOf(client)).rejects.toMatchObject({ code: "internal", message: "no space left" });
  });

  test("closes without waiting for the last events", async () => {
    const { client, socket } = await connected();
    client.close();
    expect([socket.isClosed, client.state.phase]).toEqual([true, "idle"]);
    expect(await eventsOf(client)).toEqual(["ready"]);
  });
});

test("an event queue discards its oldest items beyond its limit", async () => {
  const queue = new EventQueue<number>(2);
  for (const item of [1, 2, 3]) queue.push(item);
  queue.end(null);
  const items: number[] = [];
  for await (const item of queue) items.push(item);
  expect(items).toEqual([2, 3]);
});
