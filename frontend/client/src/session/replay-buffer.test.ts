import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isAudio, KEPT_MS, Ring, type Kept } from "./replay-buffer";

const finalize: Kept = { type: "finalize" };
const stop: Kept = { type: "stop" };

/** So many samples, numbered by their place in the session modulo 2^15, so that any gap or double shows. */
const audio = (from: number, samples: number) => Int16Array.from({ length: samples }, (_, n) => (from + n) % 32_768);
const silence = (ms: number) => new Int16Array(ms * 16);

/** What a server makes of what it is sent: the samples, and the messages with the number of samples before them. */
interface Received {
  readonly samples: number[];
  readonly messages: (readonly [number, Kept])[];
}

function received(from: number, items: readonly Kept[]): Received {
  const samples: number[] = [];
  const messages: (readonly [number, Kept])[] = [];
  for (const item of items) {
    if (isAudio(item)) samples.push(...item);
    else messages.push([from + samples.length, item]);
  }
  return { samples, messages };
}

const heldMs = (ring: Ring) => ring.from(0).reduce((ms, what) => ms + (isAudio(what) ? what.length / 16 : 0), 0);

/** A ring after all this, and the session as it was spoken. */
function spoken(parts: readonly (number | Kept)[]) {
  const ring = new Ring();
  const all: Kept[] = [];
  let end = 0;
  for (const part of parts) {
    const what = typeof part === "number" ? audio(end, part) : part;
    end += isAudio(what) ? what.length : 0;
    all.push(what);
    ring.push(what);
  }
  return { ring, all, end };
}

describe("what is kept", () => {
  test("begins where the last final ends, in the middle of a frame if need be", () => {
    const ring = new Ring();
    ring.push(audio(0, 480));
    ring.push(audio(480, 480));
    ring.forget(40);
    expect(ring.fromMs).toBe(40);
    expect(ring.from(0)).toEqual([audio(640, 320)]);
  });

  test("is never more than a minute: the oldest goes", () => {
    const ring = new Ring();
    for (let ms = 0; ms < KEPT_MS + 1_000; ms += 500) ring.push(silence(500));
    expect(ring.fromMs).toBe(1_000);
    expect(heldMs(ring)).toBe(KEPT_MS);
  });

  test("goes back no more once it is dropped", () => {
    const ring = new Ring();
    ring.push(silence(100));
    ring.forget(60);
    ring.forget(20);
    expect(ring.fromMs).toBe(60);
  });

  test("holds the last word of a session until the session is over, however far a final reaches", () => {
    const { ring } = spoken([475, stop]);
    ring.forget(32);
    expect(ring.from(ring.fromMs)).toContainEqual(stop);
    expect(ring.from(5_000)).toContainEqual(stop);
  });

  test("has lost a message with the audio behind it, and keeps one that stands at its edge", () => {
    const { ring } = spoken([320, finalize, 320, stop]);
    ring.forget(20);
    expect(received(320, ring.from(20)).messages).toEqual([
      [320, finalize],
      [640, stop],
    ]);
    ring.forget(21);
    expect(received(336, ring.from(21)).messages).toEqual([[640, stop]]);
  });
});

describe("whatever is said, and wherever connections break", () => {
  const part = fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 1, max: 600 }) }, fc.constant(finalize));
  const parts = fc.array(part, { maxLength: 40 });
  const ms = fc.nat(1_500);

  test("what is sent from a position on is the session from there on, sample by sample, messages in their places", () => {
    fc.assert(
      fc.property(parts, fc.array(ms, { maxLength: 3 }), ms, (said, finals, wanted) => {
        const { ring, all, end } = spoken([...said, stop]);
        finals.forEach((at) => {
          ring.forget(at);
        });
        const fromMs = Math.min(Math.max(wanted, ring.fromMs), Math.floor(end / 16));
        const whole = received(0, all);
        expect(received(fromMs * 16, ring.from(fromMs))).toEqual({
          samples: whole.samples.slice(fromMs * 16),
          messages: whole.messages.filter(([at]) => at >= fromMs * 16),
        });
      }),
    );
  });

  /** The link is up or down; a final says up to which share of what came it reaches. */
  const event = fc.oneof(
    { weight: 6, arbitrary: fc.record({ say: part }) },
    fc.record({ final: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ wants: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.constant({ lost: true }),
  );

  test("a server that takes what comes and asks for what it lacks has all of it in the end, once and in order", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const ring = new Ring();
        const all: Kept[] = [];
        let end = 0;
        let isUp = false;
        /** What the server holds: samples, and messages by place. Work beyond `safe` may be lost with a gateway. */
        let samples: number[] = [];
        let messages: (readonly [number, Kept])[] = [];
        let safeMs = 0;
        const arrive = (items: readonly Kept[]) => {
          const more = received(samples.length, items);
          samples = [...samples, ...more.samples];
          messages = [...messages, ...more.messages];
        };
        const say = (what: Kept) => {
          all.push(what);
          ring.push(what);
          if (isUp) arrive([what]);
        };
        /** The server has it all up to some place between what is safe and what came: it asks for the rest. */
        const reconnect = (share: number) => {
          const fromMs = Math.max(ring.fromMs, safeMs + Math.floor(share * (Math.floor(samples.length / 16) - safeMs)));
          samples = samples.slice(0, fromMs * 16);
          messages = messages.filter(([at]) => at < fromMs * 16);
          isUp = true;
          arrive(ring.from(fromMs));
        };
        for (const now of events) {
          if ("say" in now) {
            const what = typeof now.say === "number" ? audio(end, now.say) : now.say;
            end += isAudio(what) ? what.length : 0;
            say(what);
          } else if ("final" in now) {
            safeMs = Math.max(safeMs, Math.floor((now.final * samples.length) / 16));
            ring.forget(safeMs);
          } else if ("wants" in now) reconnect(now.wants);
          else isUp = false;
        }
        say(stop);
        reconnect(0);
        expect({ samples, messages }).toEqual(received(0, all));
      }),
    );
  });

  test("what overflowed is the oldest, and no more than must", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 1, maxLength: 30 }), (lengths) => {
        const ring = new Ring();
        let end = 0;
        for (const ms of lengths) {
          ring.push(silence(ms));
          end += ms;
        }
        expect(ring.fromMs).toBe(Math.max(0, end - KEPT_MS));
        expect(heldMs(ring)).toBe(Math.min(end, KEPT_MS));
      }),
      { numRuns: 20 },
    );
  });
});
