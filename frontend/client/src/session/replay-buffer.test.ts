import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isAudio, REPLAY_BUFFER_MS, ReplayBuffer, type ReplayItem } from "./replay-buffer.js";

const finalize: ReplayItem = { type: "finalize" };
const stop: ReplayItem = { type: "stop" };

/** Samples numbered by their position in the session modulo 2^15, so that gaps and duplicates are visible. */
const audio = (from: number, samples: number) => Int16Array.from({ length: samples }, (_, n) => (from + n) % 32_768);
const silence = (ms: number) => new Int16Array(ms * 16);

/** What a server receives: samples, and messages with the number of samples before them. */
interface Received {
  readonly samples: number[];
  readonly messages: (readonly [number, ReplayItem])[];
}

function received(from: number, items: readonly ReplayItem[]): Received {
  const samples: number[] = [];
  const messages: (readonly [number, ReplayItem])[] = [];
  for (const item of items) {
    if (isAudio(item)) samples.push(...item);
    else messages.push([from + samples.length, item]);
  }
  return { samples, messages };
}

const heldMs = (buffer: ReplayBuffer) =>
  buffer.itemsFrom(0).reduce((ms, what) => ms + (isAudio(what) ? what.length / 16 : 0), 0);

/** Returns a buffer after these items, and all items. */
function spoken(parts: readonly (number | ReplayItem)[]) {
  const buffer = new ReplayBuffer();
  const all: ReplayItem[] = [];
  let end = 0;
  for (const part of parts) {
    const what = typeof part === "number" ? audio(end, part) : part;
    end += isAudio(what) ? what.length : 0;
    all.push(what);
    buffer.add(what);
  }
  return { buffer, all, end };
}

describe("the buffer", () => {
  test("begins where the last final ends, also in the middle of a frame", () => {
    const buffer = new ReplayBuffer();
    buffer.add(audio(0, 480));
    buffer.add(audio(480, 480));
    buffer.discardBefore(40);
    expect(buffer.startMs).toBe(40);
    expect(buffer.itemsFrom(0)).toEqual([audio(640, 320)]);
  });

  test("discards the oldest audio beyond a minute", () => {
    const buffer = new ReplayBuffer();
    for (let ms = 0; ms < REPLAY_BUFFER_MS + 1_000; ms += 500) buffer.add(silence(500));
    expect(buffer.startMs).toBe(1_000);
    expect(heldMs(buffer)).toBe(REPLAY_BUFFER_MS);
  });

  test("does not return to an earlier position", () => {
    const buffer = new ReplayBuffer();
    buffer.add(silence(100));
    buffer.discardBefore(60);
    buffer.discardBefore(20);
    expect(buffer.startMs).toBe(60);
  });

  test("keeps `stop` even if a final covers all audio", () => {
    const { buffer } = spoken([475, stop]);
    buffer.discardBefore(32);
    expect(buffer.itemsFrom(buffer.startMs)).toContainEqual(stop);
    expect(buffer.itemsFrom(5_000)).toContainEqual(stop);
  });

  test("discards messages together with earlier audio, and keeps those at its first position", () => {
    const { buffer } = spoken([320, finalize, 320, stop]);
    buffer.discardBefore(20);
    expect(received(320, buffer.itemsFrom(20)).messages).toEqual([
      [320, finalize],
      [640, stop],
    ]);
    buffer.discardBefore(21);
    expect(received(336, buffer.itemsFrom(21)).messages).toEqual([[640, stop]]);
  });
});

describe("for any audio and any lost connections", () => {
  const part = fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 1, max: 600 }) }, fc.constant(finalize));
  const parts = fc.array(part, { maxLength: 40 });
  const ms = fc.nat(1_500);

  test("items from a position on are the session from there on, with messages at their positions", () => {
    fc.assert(
      fc.property(parts, fc.array(ms, { maxLength: 3 }), ms, (said, finals, wanted) => {
        const { buffer, all, end } = spoken([...said, stop]);
        finals.forEach((at) => {
          buffer.discardBefore(at);
        });
        const fromMs = Math.min(Math.max(wanted, buffer.startMs), Math.floor(end / 16));
        const whole = received(0, all);
        expect(received(fromMs * 16, buffer.itemsFrom(fromMs))).toEqual({
          samples: whole.samples.slice(fromMs * 16),
          messages: whole.messages.filter(([at]) => at >= fromMs * 16),
        });
      }),
    );
  });

  /** `final` and `wants` are shares of the audio that the server has received. */
  const event = fc.oneof(
    { weight: 6, arbitrary: fc.record({ say: part }) },
    fc.record({ final: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ wants: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.constant({ lost: true }),
  );

  test("a server that requests what it lacks finally has everything, once and in order", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const buffer = new ReplayBuffer();
        const all: ReplayItem[] = [];
        let end = 0;
        let isUp = false;
        // The state of the server. Audio after `safeMs` may be lost together with a gateway.
        let samples: number[] = [];
        let messages: (readonly [number, ReplayItem])[] = [];
        let safeMs = 0;
        const arrive = (items: readonly ReplayItem[]) => {
          const more = received(samples.length, items);
          samples = [...samples, ...more.samples];
          messages = [...messages, ...more.messages];
        };
        const say = (what: ReplayItem) => {
          all.push(what);
          buffer.add(what);
          if (isUp) arrive([what]);
        };
        // The server requests audio from a position between `safeMs` and the end of what it received.
        const reconnect = (share: number) => {
          const fromMs = Math.max(
            buffer.startMs,
            safeMs + Math.floor(share * (Math.floor(samples.length / 16) - safeMs)),
          );
          samples = samples.slice(0, fromMs * 16);
          messages = messages.filter(([at]) => at < fromMs * 16);
          isUp = true;
          arrive(buffer.itemsFrom(fromMs));
        };
        for (const now of events) {
          if ("say" in now) {
            const what = typeof now.say === "number" ? audio(end, now.say) : now.say;
            end += isAudio(what) ? what.length : 0;
            say(what);
          } else if ("final" in now) {
            safeMs = Math.max(safeMs, Math.floor((now.final * samples.length) / 16));
            buffer.discardBefore(safeMs);
          } else if ("wants" in now) reconnect(now.wants);
          else isUp = false;
        }
        say(stop);
        reconnect(0);
        expect({ samples, messages }).toEqual(received(0, all));
      }),
    );
  });

  test("an overflow discards the oldest audio, and no more than necessary", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 1, maxLength: 30 }), (lengths) => {
        const buffer = new ReplayBuffer();
        let end = 0;
        for (const ms of lengths) {
          buffer.add(silence(ms));
          end += ms;
        }
        expect(buffer.startMs).toBe(Math.max(0, end - REPLAY_BUFFER_MS));
        expect(heldMs(buffer)).toBe(Math.min(end, REPLAY_BUFFER_MS));
      }),
      { numRuns: 20 },
    );
  });
});
