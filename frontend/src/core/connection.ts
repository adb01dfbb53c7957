/**
 * A session's connection as a state machine: `step` takes what happened and returns the next state and what to do.
 *
 *     idle -> opening -> connecting -> listening -> finishing -> idle
 *                          |    ^          |
 *                          v    |          |            any of them -> failed
 *                         waiting <--------'
 *
 * Audio is captured from `opening` on and queued until `flush`, so nothing that is spoken meanwhile is lost.
 */
import { closedWith, problem, type Problem } from "./problems";
import type { ServerMessage } from "./protocol";

export type State =
  | { readonly phase: "idle" }
  /** The microphone is being opened. */
  | { readonly phase: "opening" }
  /** The socket is open or about to be, and `ready` has not come. `ending`: stop was pressed already. */
  | { readonly phase: "connecting"; readonly attempt: number; readonly ending: boolean; readonly why: Problem | null }
  /** Until the next attempt. */
  | { readonly phase: "waiting"; readonly attempt: number; readonly ending: boolean; readonly why: Problem }
  | { readonly phase: "listening"; readonly why: Problem | null }
  /** The last words are on their way. */
  | { readonly phase: "finishing"; readonly why: Problem | null }
  | { readonly phase: "failed"; readonly why: Problem };

export type Input =
  | { readonly type: "start" }
  | { readonly type: "microphone_opened" }
  | { readonly type: "stop" }
  | { readonly type: "message"; readonly message: ServerMessage }
  | { readonly type: "closed"; readonly code: number }
  /** The state has lasted for `patienceMs`. */
  | { readonly type: "timeout" }
  /** Something on this side cannot go on. */
  | { readonly type: "failed"; readonly why: Problem };

export type Effect =
  | "open_microphone"
  /** Closes the microphone and queues `stop` behind its last sample. */
  | "end_audio"
  /** Closes the microphone and forgets what is queued. */
  | "drop_audio"
  /** Opens a socket in place of any other and sends `start`. */
  | "open_socket"
  /** Sends what is queued, and from now on at once. */
  | "flush"
  | "close_socket";

export interface Step {
  readonly state: State;
  readonly effects: readonly Effect[];
}

export const idle: State = { phase: "idle" };

const MAX_ATTEMPTS = 6;
const READY_WITHIN_MS = 10_000;
const DONE_WITHIN_MS = 30_000;
const FIRST_WAIT_MS = 500;
/** Close codes after which another attempt may succeed: going away, lost, internal error, restarting, overloaded. */
const PASSING: ReadonlySet<number> = new Set([1001, 1005, 1006, 1011, 1012, 1013]);

/** How long a state may last until `timeout`; null: for ever. */
export function patienceMs(state: State): number | null {
  switch (state.phase) {
    case "connecting":
      return READY_WITHIN_MS;
    case "waiting":
      return FIRST_WAIT_MS * 2 ** (state.attempt - 1);
    case "finishing":
      return DONE_WITHIN_MS;
    default:
      return null;
  }
}

/** Whether the microphone is, or is about to be, on. */
export function isRecording(state: State): boolean {
  if (state.phase === "connecting" || state.phase === "waiting") return !state.ending;
  return state.phase === "opening" || state.phase === "listening";
}

/** Whether stop was pressed and the last words have not all come. */
export function isEnding(state: State): boolean {
  return state.phase === "finishing" || ("ending" in state && state.ending);
}

export function step(state: State, input: Input): Step {
  switch (input.type) {
    case "start":
      return state.phase === "idle" || state.phase === "failed" ? to({ phase: "opening" }, "open_microphone") : to(state);
    case "microphone_opened":
      return state.phase === "opening" ? connect(1, false, null) : to(state);
    case "stop":
      return stopped(state);
    case "message":
      return received(state, input.message);
    case "closed":
      return closed(state, input.code);
    case "timeout":
      return timedOut(state);
    case "failed":
      return fail(input.why);
  }
}

const to = (state: State, ...effects: Effect[]): Step => ({ state, effects });

const fail = (why: Problem): Step => to({ phase: "failed", why }, "drop_audio", "close_socket");

function connect(attempt: number, ending: boolean, why: Problem | null): Step {
  return to({ phase: "connecting", attempt, ending, why }, "open_socket");
}

/** Pressed once, it waits for the last words; pressed again, it does not. */
function stopped(state: State): Step {
  if (isEnding(state) || state.phase === "opening") return to(idle, "drop_audio", "close_socket");
  switch (state.phase) {
    case "connecting":
    case "waiting":
      return to({ ...state, ending: true }, "end_audio");
    case "listening":
      return to({ ...state, phase: "finishing" }, "end_audio");
    default:
      return to(state);
  }
}

function received(state: State, message: ServerMessage): Step {
  if (state.phase !== "connecting" && state.phase !== "listening" && state.phase !== "finishing") return to(state);
  switch (message.type) {
    case "ready":
      if (state.phase !== "connecting") return to(state);
      return to({ phase: state.ending ? "finishing" : "listening", why: null }, "flush");
    case "error":
      return message.fatal ? to({ ...state, why: problem(message.code, message.message) }) : to(state);
    case "done":
      return to(idle, "drop_audio", "close_socket");
    default:
      return to(state);
  }
}

function closed(state: State, code: number): Step {
  switch (state.phase) {
    case "listening":
      return PASSING.has(code) ? waitFor(1, false, state.why ?? closedWith(code)) : fail(state.why ?? closedWith(code));
    case "connecting":
      if (!PASSING.has(code)) return fail(state.why ?? closedWith(code));
      return waitFor(state.attempt, state.ending, state.why ?? closedWith(code));
    case "finishing":
      return fail(state.why ?? problem("last_words_lost"));
    default:
      return to(state);
  }
}

function waitFor(attempt: number, ending: boolean, why: Problem): Step {
  return attempt < MAX_ATTEMPTS ? to({ phase: "waiting", attempt, ending, why }) : fail(why);
}

function timedOut(state: State): Step {
  switch (state.phase) {
    case "waiting":
      return connect(state.attempt + 1, state.ending, state.why);
    case "connecting": {
      const { state: next, effects } = closed({ ...state, why: problem("no_answer") }, 1006);
      return to(next, ...effects, "close_socket");
    }
    case "finishing":
      return fail(problem("last_words_lost"));
    default:
      return to(state);
  }
}
