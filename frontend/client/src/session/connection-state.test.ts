import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  idle,
  isStopping,
  isRecording,
  timeoutMs,
  step,
  type Effect,
  type ConnectionInput,
  type ConnectionState,
} from "./connection-state.js";
import { problem } from "../protocol/problems.js";
import type { ServerMessage } from "../protocol/messages.js";
import * as server from "../testing/server-events.js";

const start: ConnectionInput = { type: "start" };
const opened: ConnectionInput = { type: "audio_opened" };
const stop: ConnectionInput = { type: "stop" };
const timeout: ConnectionInput = { type: "timeout" };
const closed = (code: number): ConnectionInput => ({ type: "closed", code });
const received = (message: ServerMessage): ConnectionInput => ({ type: "message", message });
const ready = received(server.ready());
const done = received(server.done);
const draining = received(server.draining);
const fatal = received(server.error("unsupported_language", { message: "Not served: xx", fatal: true }));
const unknown = received(server.error("unknown_session", { fatal: true }));
const busy = received(server.error("overloaded", { message: "Full.", fatal: true, retry_after_s: 5 }));
const takenOver = received(server.error("taken_over", { message: problem("taken_over").message, fatal: true }));

/** Returns the state after the inputs, and all effects. No time passes. */
function after(...inputs: ConnectionInput[]): { state: ConnectionState; effects: Effect[] } {
  const effects: Effect[] = [];
  let state = idle;
  for (const input of inputs) {
    const next = step(state, input, 0);
    state = next.state;
    effects.push(...next.effects);
  }
  return { state, effects };
}

/** Returns the delays before all attempts and the last state, if every attempt fails after 100 ms. */
function waits(chance: number, ...inputs: ConnectionInput[]): { waits: number[]; state: ConnectionState } {
  let { state } = after(...inputs);
  let now = 0;
  const found: number[] = [];
  while (state.phase === "waiting") {
    const wait = timeoutMs(state, chance) ?? 0;
    found.push(wait);
    now += wait + 100;
    state = step(step(state, timeout, now).state, closed(1006), now).state;
  }
  return { waits: found, state };
}

describe("a session without failures", () => {
  test("opens the audio source, then the socket, flushes when ready, and closes after the last words", () => {
    const { state, effects } = after(start, opened, ready, stop, done);
    expect(state).toEqual(idle);
    expect(effects).toEqual(["open_audio", "start_session", "flush", "end_audio", "drop_audio", "close_socket"]);
  });

  test("keeps the socket open after stop until `done`", () => {
    const { state, effects } = after(start, opened, ready, stop);
    expect(state.phase).toBe("finishing");
    expect(effects).not.toContain("close_socket");
  });

  test("that is stopped before the server is ready still delivers its audio", () => {
    const { state, effects } = after(start, opened, stop, ready);
    expect(state.phase).toBe("finishing");
    expect(effects.slice(-2)).toEqual(["end_audio", "flush"]);
  });

  test("does not wait when stop is pressed twice", () => {
    const { state, effects } = after(start, opened, ready, stop, stop);
    expect(state).toEqual(idle);
    expect(effects.slice(-2)).toEqual(["drop_audio", "close_socket"]);
  });
});

describe("a lost connection", () => {
  test("is resumed while the audio source stays open", () => {
    const { state, effects } = after(start, opened, ready, closed(1006), timeout, ready);
    expect(state.phase).toBe("listening");
    expect(effects).toEqual(["open_audio", "start_session", "flush", "resume_session", "flush"]);
  });

  test("without a session starts one", () => {
    const { effects } = after(start, opened, closed(1006), timeout, closed(1006), timeout);
    expect(effects.filter((effect) => effect !== "open_audio")).toEqual(Array(3).fill("start_session"));
  });

  test("is retried with exponential backoff of at most eight seconds, with full jitter", () => {
    const longest = waits(1, start, opened, ready, closed(1006)).waits;
    expect(longest.slice(0, 8)).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
    expect(timeoutMs(after(start, opened, ready, closed(1006)).state, 0)).toBe(0);
  });

  test.each([
    ["speaking", [start, opened, ready, closed(1006)], "connection_lost"],
    ["waiting for the last words", [start, opened, ready, stop, closed(1006)], "last_words_lost"],
  ])("while %s is retried for more than two minutes before it fails", (_, inputs, code) => {
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 1, noNaN: true }), (chance) => {
        const { waits: all, state } = waits(chance, ...inputs);
        const total = all.reduce((sum, wait) => sum + wait + 100, 0);
        expect(total).toBeGreaterThan(120_000);
        expect(total).toBeLessThan(180_000);
        expect(state).toEqual({ phase: "failed", problem: problem(code) });
      }),
      { numRuns: 20 },
    );
  });

  test("counts attempts from 1 again after `ready`", () => {
    const { state } = after(start, opened, closed(1006), timeout, closed(1006), timeout, ready, closed(1012));
    expect(state).toMatchObject({ phase: "waiting", attempt: 1 });
  });

  test("remembers that stop was pressed while it was lost", () => {
    const { state, effects } = after(start, opened, ready, closed(1006), stop, timeout, ready);
    expect(state.phase).toBe("finishing");
    expect(effects.slice(-3)).toEqual(["end_audio", "resume_session", "flush"]);
  });

  test("is resumed for the last words after stop", () => {
    const { state, effects } = after(start, opened, ready, stop, closed(1006), timeout, ready, done);
    expect(state).toEqual(idle);
    expect(effects.filter((effect) => effect === "end_audio")).toHaveLength(1);
    expect(effects.slice(-4)).toEqual(["resume_session", "flush", "drop_audio", "close_socket"]);
  });
});

describe("a server that", () => {
  test("does not answer is tried again", () => {
    const { state, effects } = after(start, opened, timeout);
    expect(state).toMatchObject({ phase: "waiting", problem: { code: "no_answer" } });
    expect(effects.at(-1)).toBe("close_socket");
  });

  test("refuses permanently is not tried again, and its message is shown", () => {
    const { state, effects } = after(start, opened, fatal, closed(1008));
    expect(state).toMatchObject({
      phase: "failed",
      problem: { code: "unsupported_language", message: "Not served: xx" },
    });
    expect(effects.slice(-2)).toEqual(["drop_audio", "close_socket"]);
  });

  test("is overloaded is tried again after the time it requested", () => {
    const { state, effects } = after(start, opened, busy);
    expect(state).toMatchObject({ phase: "waiting", problem: { code: "overloaded" } });
    expect(effects.at(-1)).toBe("close_socket");
    expect([timeoutMs(state, 0), timeoutMs(state, 1)]).toEqual([5_000, 5_250]);
    expect(timeoutMs(after(start, opened, busy, timeout, closed(1013)).state, 0)).toBe(0);
  });

  test("has lost the session immediately gets a new one with the audio that is kept", () => {
    const { state, effects } = after(start, opened, ready, closed(1006), timeout, unknown, ready);
    expect(state).toEqual({ phase: "listening", problem: null });
    expect(effects.slice(-3)).toEqual(["resume_session", "start_session", "flush"]);
  });

  test("has lost a stopped session gets a new one for the last words", () => {
    const { state, effects } = after(start, opened, ready, stop, closed(1006), timeout, unknown, ready);
    expect(state.phase).toBe("finishing");
    expect(effects.filter((effect) => effect === "end_audio")).toHaveLength(1);
  });

  test("reports an unknown session although none was resumed makes the connection fail", () => {
    expect(after(start, opened, unknown, closed(1008)).state).toMatchObject({ phase: "failed" });
  });

  test("drains is replaced immediately, and may send events until then", () => {
    const leaving = after(start, opened, ready, draining);
    expect(leaving.state).toMatchObject({ phase: "waiting", attempt: 1, problem: null });
    expect(leaving.effects).not.toContain("close_socket");
    expect(timeoutMs(leaving.state, 1)).toBe(250);
    expect(after(start, opened, ready, draining, closed(1012)).state).toEqual(leaving.state);
    expect(after(start, opened, ready, draining, timeout).effects.at(-1)).toBe("resume_session");
    expect(after(start, opened, ready, draining, stop, done).state).toEqual(idle);
  });

  test("drains when a connection opens is skipped, and the problem shown is not its message", () => {
    const refusal = received(server.error("draining", { message: "connect to another", fatal: true }));
    const { state } = after(start, opened, ready, closed(1006), timeout, refusal, closed(1012));
    expect(state).toMatchObject({ phase: "waiting", attempt: 2, problem: { code: "connection_lost" } });
    expect(after(start, opened, refusal, closed(1012)).state).toMatchObject({ problem: problem("restarting") });
  });

  test("sends a non-fatal error stays connected", () => {
    const error = received(server.error("internal", { utterance: 3 }));
    expect(after(start, opened, ready, error).state).toEqual({ phase: "listening", problem: null });
  });
});

test.each([
  ["sends an error", [takenOver, closed(4001)]],
  ["only closes", [closed(4001)]],
])("a session that was taken over ends here if the server %s", (_, inputs) => {
  expect(after(start, opened, ready, ...inputs).state).toEqual({ phase: "failed", problem: problem("taken_over") });
});

test("no socket is opened if the audio source cannot be opened", () => {
  const denied = problem("microphone_denied");
  const { state, effects } = after(start, { type: "failed", problem: denied });
  expect(state).toEqual({ phase: "failed", problem: denied });
  expect(effects).not.toContain("start_session");
});

describe("for any inputs", () => {
  const codes = fc.constantFrom(1000, 1006, 1008, 1012, 1013, 4001).map(closed);
  const messages = fc.constantFrom(ready, done, draining, fatal, unknown, busy, takenOver);
  const anyInput = fc.oneof(fc.constantFrom(start, opened, stop, timeout), messages, codes);
  const opens = (effect: Effect | undefined) => effect === "start_session" || effect === "resume_session";

  test("audio source and socket are closed when idle or failed", () => {
    fc.assert(
      fc.property(fc.array(anyInput), (inputs) => {
        const { state, effects } = after(...inputs);
        if (state.phase !== "idle" && state.phase !== "failed") return;
        const lastOf = (...names: Effect[]) => effects.findLastIndex((effect) => names.includes(effect));
        expect(lastOf("drop_audio")).toBeGreaterThanOrEqual(lastOf("open_audio"));
        expect(lastOf("close_socket")).toBeGreaterThanOrEqual(lastOf("start_session", "resume_session"));
      }),
    );
  });

  test("audio is flushed only on an open socket, and ended only once per take", () => {
    fc.assert(
      fc.property(fc.array(anyInput), (inputs) => {
        const audio = after(...inputs).effects.filter((effect) => effect !== "close_socket");
        for (const [n, effect] of audio.entries()) {
          const before = audio.slice(0, n).filter((other) => other !== "end_audio");
          if (effect === "flush") expect(opens(before.at(-1))).toBe(true);
          const take = audio.slice(audio.slice(0, n).lastIndexOf("open_audio"), n);
          if (effect === "end_audio") expect(take).not.toContain("end_audio");
        }
      }),
    );
  });

  test("only a session that was ready is resumed, and no audio is dropped while it may be", () => {
    fc.assert(
      fc.property(fc.array(anyInput), (inputs) => {
        const { state, effects } = after(...inputs);
        for (const [n, effect] of effects.entries()) {
          const take = effects.slice(effects.slice(0, n).lastIndexOf("open_audio"), n);
          if (effect === "resume_session") expect(take).toContain("flush");
          if (opens(effect)) expect(take).not.toContain("drop_audio");
        }
        const isOver = state.phase === "idle" || state.phase === "failed";
        const take = effects.slice(effects.lastIndexOf("open_audio"));
        if (!isOver) expect(take).not.toContain("drop_audio");
      }),
    );
  });

  test("a session is replaced by a new one only if the server does not know it", () => {
    fc.assert(
      fc.property(fc.array(anyInput), (inputs) => {
        let state = idle;
        let wasReady = false;
        for (const input of inputs) {
          const next = step(state, input, 0);
          if (next.effects.includes("open_audio")) wasReady = false;
          if (next.effects.includes("flush")) wasReady = true;
          if (next.effects.includes("start_session") && wasReady) wasReady = input !== unknown;
          expect(next.effects.includes("start_session") && wasReady).toBe(false);
          state = next.state;
        }
      }),
    );
  });

  test("stop ends the session immediately or at the second time", () => {
    fc.assert(
      fc.property(fc.array(anyInput), (inputs) => {
        const once = step(after(...inputs).state, stop, 0).state;
        expect(isRecording(once)).toBe(false);
        expect(isStopping(step(once, stop, 0).state)).toBe(false);
      }),
    );
  });
});
