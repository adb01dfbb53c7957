import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { idle, isEnding, isRecording, patienceMs, step, type Effect, type Input, type State } from "./connection";
import { problem } from "./problems";
import type { ServerMessage } from "./protocol";

const start: Input = { type: "start" };
const opened: Input = { type: "microphone_opened" };
const stop: Input = { type: "stop" };
const timeout: Input = { type: "timeout" };
const closed = (code: number): Input => ({ type: "closed", code });
const heard = (message: ServerMessage): Input => ({ type: "message", message });
const ready = heard({ type: "ready", session: "a", audio_from_ms: 0, cursor: "0-0" });
const done = heard({ type: "done" });
const fatal = heard({ type: "error", code: "unsupported_language", message: "Not served: xx", fatal: true });

/** The state after the inputs, and all the effects on the way. */
function after(...inputs: Input[]): { state: State; effects: Effect[] } {
  const effects: Effect[] = [];
  let state = idle;
  for (const input of inputs) {
    const next = step(state, input);
    state = next.state;
    effects.push(...next.effects);
  }
  return { state, effects };
}

describe("a session that goes well", () => {
  test("opens the microphone, then the socket, sends the audio when it may, and closes after the last words", () => {
    const { state, effects } = after(start, opened, ready, stop, done);
    expect(state).toEqual(idle);
    expect(effects).toEqual(["open_microphone", "open_socket", "flush", "end_audio", "drop_audio", "close_socket"]);
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
  test("is tried again, and the microphone stays on", () => {
    const { state, effects } = after(start, opened, ready, closed(1006), timeout, ready);
    expect(state.phase).toBe("listening");
    expect(effects).toEqual(["open_microphone", "open_socket", "flush", "open_socket", "flush"]);
  });

  test("is waited for twice as long each time, and given up after six attempts", () => {
    let { state } = after(start, opened, closed(1006));
    const waits: (number | null)[] = [];
    while (state.phase === "waiting") {
      waits.push(patienceMs(state));
      state = step(step(state, timeout).state, closed(1006)).state;
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000]);
    expect(state).toEqual({ phase: "failed", why: problem("connection_lost") });
  });

  test("counts its attempts anew once it was ready", () => {
    const { state } = after(start, opened, closed(1006), timeout, closed(1006), timeout, ready, closed(1012));
    expect(state).toMatchObject({ phase: "waiting", attempt: 1 });
  });

  test("remembers that stop was pressed while it was away", () => {
    const { state, effects } = after(start, opened, ready, closed(1006), stop, timeout, ready);
    expect(state.phase).toBe("finishing");
    expect(effects.slice(-3)).toEqual(["end_audio", "open_socket", "flush"]);
  });

  test("while the last words are awaited says that they are lost", () => {
    expect(after(start, opened, ready, stop, closed(1006)).state).toEqual({
      phase: "failed",
      why: problem("last_words_lost"),
    });
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

  test("is overloaded is tried again", () => {
    expect(after(start, opened, closed(1013)).state).toMatchObject({ phase: "waiting", why: { code: "overloaded" } });
  });

  test("sends an error that is not fatal goes on", () => {
    const error = heard({ type: "error", code: "internal", message: "", utterance: 3, fatal: false });
    expect(after(start, opened, ready, error).state).toEqual({ phase: "listening", why: null });
  });
});

test("a microphone that cannot be opened opens no socket", () => {
  const why = problem("microphone_denied");
  const { state, effects } = after(start, { type: "failed", why });
  expect(state).toEqual({ phase: "failed", why });
  expect(effects).not.toContain("open_socket");
});

describe("whatever happens", () => {
  const anyInput = fc.constantFrom(start, opened, stop, timeout, ready, done, fatal, closed(1000), closed(1006), closed(1008));

  test("at rest neither the microphone nor a socket is left open", () => {
    fc.assert(
      fc.property(fc.array(anyInput), (inputs) => {
        const { state, effects } = after(...inputs);
        if (state.phase !== "idle" && state.phase !== "failed") return;
        const lastOf = (...names: Effect[]) => effects.findLastIndex((effect) => names.includes(effect));
        expect(lastOf("drop_audio")).toBeGreaterThanOrEqual(lastOf("open_microphone"));
        expect(lastOf("close_socket")).toBeGreaterThanOrEqual(lastOf("open_socket"));
      }),
    );
  });

  test("audio flows only on a socket that is ready, and is ended only once a session", () => {
    fc.assert(
      fc.property(fc.array(anyInput), (inputs) => {
        const audio = after(...inputs).effects.filter((effect) => effect !== "close_socket");
        for (const [n, effect] of audio.entries()) {
          const before = audio.slice(0, n).filter((other) => other !== "end_audio");
          if (effect === "flush") expect(before.at(-1)).toBe("open_socket");
          const session = audio.slice(audio.slice(0, n).lastIndexOf("open_microphone"), n);
          if (effect === "end_audio") expect(session).not.toContain("end_audio");
        }
      }),
    );
  });

  test("pressing stop ends it: at once, or at the second time", () => {
    fc.assert(
      fc.property(fc.array(anyInput), (inputs) => {
        const once = step(after(...inputs).state, stop).state;
        expect(isRecording(once)).toBe(false);
        expect(isEnding(step(once, stop).state)).toBe(false);
      }),
    );
  });
});
