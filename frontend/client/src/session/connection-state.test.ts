import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { idle, isEnding, isRecording, patienceMs, step, type Effect, type Input, type State } from "./connection-state";
import { problem } from "../protocol/problems";
import type { ServerMessage } from "../protocol/messages";
import * as server from "../testing/server-events";

const start: Input = { type: "start" };
const opened: Input = { type: "microphone_opened" };
const stop: Input = { type: "stop" };
const timeout: Input = { type: "timeout" };
const closed = (code: number): Input => ({ type: "closed", code });
const heard = (message: ServerMessage): Input => ({ type: "message", message });
const ready = heard(server.ready());
const done = heard(server.done);
const draining = heard(server.draining);
const fatal = heard(server.error("unsupported_language", { message: "Not served: xx", fatal: true }));
const unknown = heard(server.error("unknown_session", { fatal: true }));
const busy = heard(server.error("overloaded", { message: "Full.", fatal: true, retry_after_s: 5 }));
const takenOver = heard(server.error("taken_over", { message: problem("taken_over").message, fatal: true }));

/** The state after the inputs, and all the effects on the way; no time passes. */
function after(...inputs: Input[]): { state: State; effects: Effect[] } {
  const effects: Effect[] = [];
  let state = idle;
  for (const input of inputs) {
    const next = step(state, input, 0);
    state = next.state;
    effects.push(...next.effects);
  }
  return { state, effects };
}

/** How long is waited before each attempt, and what it ends in, when every attempt fails after 100 ms. */
function waits(chance: number, ...inputs: Input[]): { waits: number[]; state: State } {
  let { state } = after(...inputs);
  let now = 0;
  const found: number[] = [];
  while (state.phase === "waiting") {
    const wait = patienceMs(state, chance) ?? 0;
    found.push(wait);
    now += wait + 100;
    state = step(step(state, timeout, now).state, closed(1006), now).state;
  }
  return { waits: found, state };
}

describe("a session that goes well", () => {
  test("opens the microphone, then the socket, sends the audio when it may, and closes after the last words", () => {
    const { state, effects } = after(start, opened, ready, stop, done);
    expect(state).toEqual(idle);
    expect(effects).toEqual(["open_microphone", "start_session", "flush", "end_audio", "drop_audio", "close_socket"]);
  });

  test("keeps the socket after stop, until `done`", () => {
    const { state, effects } = after(start, opened, ready, stop);
    expect(state.phase).toBe("finishing");
    expect(effects).not.toContain("close_socket");
  });

  test("that is stopped before the server is ready still delivers what was said", () => {
    const { state, effects } = after(start, opened, stop, ready);
    expect(state.phase).toBe("finishing");
    expect(effects.slice(-2)).toEqual(["end_audio", "flush"]);
  });

  test("waits no longer when stop is pressed twice", () => {
    const { state, effects } = after(start, opened, ready, stop, stop);
    expect(state).toEqual(idle);
    expect(effects.slice(-2)).toEqual(["drop_audio", "close_socket"]);
  });
});

describe("a connection that is lost", () => {
  test("is resumed, and the microphone stays on", () => {
    const { state, effects } = after(start, opened, ready, closed(1006), timeout, ready);
    expect(state.phase).toBe("listening");
    expect(effects).toEqual(["open_microphone", "start_session", "flush", "resume_session", "flush"]);
  });

  test("before there was a session begins one", () => {
    const { effects } = after(start, opened, closed(1006), timeout, closed(1006), timeout);
    expect(effects.filter((effect) => effect !== "open_microphone")).toEqual(Array(3).fill("start_session"));
  });

  test("is waited for at most twice as long each time, up to eight seconds, and at least not at all", () => {
    const longest = waits(1, start, opened, ready, closed(1006)).waits;
    expect(longest.slice(0, 8)).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
    expect(patienceMs(after(start, opened, ready, closed(1006)).state, 0)).toBe(0);
  });

  test.each([
    ["speaking", [start, opened, ready, closed(1006)], "connection_lost"],
    ["waiting for the last words", [start, opened, ready, stop, closed(1006)], "last_words_lost"],
  ])("while %s is tried again for two minutes and more, then given up", (_, inputs, code) => {
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 1, noNaN: true }), (chance) => {
        const { waits: all, state } = waits(chance, ...inputs);
        const total = all.reduce((sum, wait) => sum + wait + 100, 0);
        expect(total).toBeGreaterThan(120_000);
        expect(total).toBeLessThan(180_000);
        expect(state).toEqual({ phase: "failed", why: problem(code) });
      }),
      { numRuns: 20 },
    );
  });

  test("counts its attempts anew once it was ready", () => {
    const { state } = after(start, opened, closed(1006), timeout, closed(1006), timeout, ready, closed(1012));
    expect(state).toMatchObject({ phase: "waiting", attempt: 1 });
  });

  test("remembers that stop was pressed while it was away", () => {
    const { state, effects } = after(start, opened, ready, closed(1006), stop, timeout, ready);
    expect(state.phase).toBe("finishing");
    expect(effects.slice(-3)).toEqual(["end_audio", "resume_session", "flush"]);
  });

  test("while the last words are awaited is resumed for them", () => {
    const { state, effects } = after(start, opened, ready, stop, closed(1006), timeout, ready, done);
    expect(state).toEqual(idle);
    expect(effects.filter((effect) => effect === "end_audio")).toHaveLength(1);
    expect(effects.slice(-4)).toEqual(["resume_session", "flush", "drop_audio", "close_socket"]);
  });
});

describe("a server that", () => {
  test("does not answer is left and tried again", () => {
    const { state, effects } = after(start, opened, timeout);
    expect(state).toMatchObject({ phase: "waiting", why: { code: "no_answer" } });
    expect(effects.at(-1)).toBe("close_socket");
  });

  test("refuses for good is not tried again, and its own words are shown", () => {
    const { state, effects } = after(start, opened, fatal, closed(1008));
    expect(state).toMatchObject({ phase: "failed", why: { code: "unsupported_language", message: "Not served: xx" } });
    expect(effects.slice(-2)).toEqual(["drop_audio", "close_socket"]);
  });

  test("has no room is left, and tried again when it said", () => {
    const { state, effects } = after(start, opened, busy);
    expect(state).toMatchObject({ phase: "waiting", why: { code: "overloaded" } });
    expect(effects.at(-1)).toBe("close_socket");
    expect([patienceMs(state, 0), patienceMs(state, 1)]).toEqual([5_000, 5_250]);
    expect(patienceMs(after(start, opened, busy, timeout, closed(1013)).state, 0)).toBe(0);
  });

  test("has lost the session gets a new one at once, which goes on with the audio that is kept", () => {
    const { state, effects } = after(start, opened, ready, closed(1006), timeout, unknown, ready);
    expect(state).toEqual({ phase: "listening", why: null });
    expect(effects.slice(-3)).toEqual(["resume_session", "start_session", "flush"]);
  });

  test("has lost the session of which only the last words are missing is given those once more", () => {
    const { state, effects } = after(start, opened, ready, stop, closed(1006), timeout, unknown, ready);
    expect(state.phase).toBe("finishing");
    expect(effects.filter((effect) => effect === "end_audio")).toHaveLength(1);
  });

  test("does not know a session that was never resumed is not believed twice", () => {
    expect(after(start, opened, unknown, closed(1008)).state).toMatchObject({ phase: "failed" });
  });

  test("drains is left for another at once, and heard until then", () => {
    const leaving = after(start, opened, ready, draining);
    expect(leaving.state).toMatchObject({ phase: "waiting", attempt: 1, why: null });
    expect(leaving.effects).not.toContain("close_socket");
    expect(patienceMs(leaving.state, 1)).toBe(250);
    expect(after(start, opened, ready, draining, closed(1012)).state).toEqual(leaving.state);
    expect(after(start, opened, ready, draining, timeout).effects.at(-1)).toBe("resume_session");
    expect(after(start, opened, ready, draining, stop, done).state).toEqual(idle);
  });

  test("drains already when it is found is passed over, in words for the reader", () => {
    const refusal = heard(server.error("draining", { message: "connect to another", fatal: true }));
    const { state } = after(start, opened, ready, closed(1006), timeout, refusal, closed(1012));
    expect(state).toMatchObject({ phase: "waiting", attempt: 2, why: { code: "connection_lost" } });
    expect(after(start, opened, refusal, closed(1012)).state).toMatchObject({ why: problem("restarting") });
  });

  test("sends an error that is not fatal goes on", () => {
    const error = heard(server.error("internal", { utterance: 3 }));
    expect(after(start, opened, ready, error).state).toEqual({ phase: "listening", why: null });
  });
});

test.each([
  ["says so", [takenOver, closed(4001)]],
  ["only closes", [closed(4001)]],
])("a session that goes on elsewhere ends here, whether the server %s", (_, inputs) => {
  expect(after(start, opened, ready, ...inputs).state).toEqual({ phase: "failed", why: problem("taken_over") });
});

test("a microphone that cannot be opened opens no socket", () => {
  const why = problem("microphone_denied");
  const { state, effects } = after(start, { type: "failed", why });
  expect(state).toEqual({ phase: "failed", why });
  expect(effects).not.toContain("start_session");
});

describe("whatever happens", () => {
  const codes = fc.constantFrom(1000, 1006, 1008, 1012, 1013, 4001).map(closed);
  const messages = fc.constantFrom(ready, done, draining, fatal, unknown, busy, takenOver);
  const anyInput = fc.oneof(fc.constantFrom(start, opened, stop, timeout), messages, codes);
  const opens = (effect: Effect | undefined) => effect === "start_session" || effect === "resume_session";

  test("at rest neither the microphone nor a socket is left open", () => {
    fc.assert(
      fc.property(fc.array(anyInput), (inputs) => {
        const { state, effects } = after(...inputs);
        if (state.phase !== "idle" && state.phase !== "failed") return;
        const lastOf = (...names: Effect[]) => effects.findLastIndex((effect) => names.includes(effect));
        expect(lastOf("drop_audio")).toBeGreaterThanOrEqual(lastOf("open_microphone"));
        expect(lastOf("close_socket")).toBeGreaterThanOrEqual(lastOf("start_session", "resume_session"));
      }),
    );
  });

  test("audio flows only on a socket that is ready, and is ended only once a take", () => {
    fc.assert(
      fc.property(fc.array(anyInput), (inputs) => {
        const audio = after(...inputs).effects.filter((effect) => effect !== "close_socket");
        for (const [n, effect] of audio.entries()) {
          const before = audio.slice(0, n).filter((other) => other !== "end_audio");
          if (effect === "flush") expect(opens(before.at(-1))).toBe(true);
          const take = audio.slice(audio.slice(0, n).lastIndexOf("open_microphone"), n);
          if (effect === "end_audio") expect(take).not.toContain("end_audio");
        }
      }),
    );
  });

  test("only what was open is resumed, and no audio is dropped while there is hope", () => {
    fc.assert(
      fc.property(fc.array(anyInput), (inputs) => {
        const { state, effects } = after(...inputs);
        for (const [n, effect] of effects.entries()) {
          const take = effects.slice(effects.slice(0, n).lastIndexOf("open_microphone"), n);
          if (effect === "resume_session") expect(take).toContain("flush");
          if (opens(effect)) expect(take).not.toContain("drop_audio");
        }
        const isOver = state.phase === "idle" || state.phase === "failed";
        const take = effects.slice(effects.lastIndexOf("open_microphone"));
        if (!isOver) expect(take).not.toContain("drop_audio");
      }),
    );
  });

  test("a session once open is begun anew only when the server does not know it", () => {
    fc.assert(
      fc.property(fc.array(anyInput), (inputs) => {
        let state = idle;
        let wasReady = false;
        for (const input of inputs) {
          const next = step(state, input, 0);
          if (next.effects.includes("open_microphone")) wasReady = false;
          if (next.effects.includes("flush")) wasReady = true;
          if (next.effects.includes("start_session") && wasReady) wasReady = input !== unknown;
          expect(next.effects.includes("start_session") && wasReady).toBe(false);
          state = next.state;
        }
      }),
    );
  });

  test("pressing stop ends it: at once, or at the second time", () => {
    fc.assert(
      fc.property(fc.array(anyInput), (inputs) => {
        const once = step(after(...inputs).state, stop, 0).state;
        expect(isRecording(once)).toBe(false);
        expect(isEnding(step(once, stop, 0).state)).toBe(false);
      }),
    );
  });
});
