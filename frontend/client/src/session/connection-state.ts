/**
 * A session's connection as a state machine: `step` takes what happened, and when, and returns the next state and what
 * to do.
 *
 *     idle -> opening -> connecting -> listening -> finishing -> idle
 *                          |    ^          |            |
 *                          v    |          |            |         any of them -> failed
 *                         waiting <--------+------------'
 *
 * Audio is captured from `opening` on and kept until a final covers it, so nothing that is spoken meanwhile is lost.
 */
import { closedWith, problem, type Problem } from "../protocol/problems";
import type { Error, ServerMessage } from "../protocol/messages";

/** What is remembered from attempt to attempt. */
interface Trying {
  /** Whether there is a session to go on with. */
  readonly resumes: boolean;
  /** Counts from 1; the connection that was lost is the first. */
  readonly attempt: number;
  /** Whether stop was pressed already. */
  readonly ending: boolean;
  /** When there was a connection last, in ms. */
  readonly sinceMs: number;
  readonly why: Problem | null;
}

export type State =
  | { readonly phase: "idle" }
  /** The microphone is being opened. */
  | { readonly phase: "opening" }
  /** The socket is open or about to be, and `ready` has not come. */
  | ({ readonly phase: "connecting" } & Trying)
  /** Until the next attempt, and no shorter than `leastMs`. A server that drains may still be heard. */
  | ({ readonly phase: "waiting"; readonly leastMs: number } & Trying)
  | { readonly phase: "listening"; readonly why: Problem | null }
  /** The last words are on their way. */
  | { readonly phase: "finishing"; readonly why: Problem | null }
  | { readonly phase: "failed"; readonly why: Problem };

type Connected = Extract<State, { phase: "connecting" | "listening" | "finishing" }>;

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
  /** Closes the microphone and forgets what is kept. */
  | "drop_audio"
  /** Opens a socket in place of any other and sends `start`: a new session, or one in the place of one that is lost. */
  | "start_session"
  /** Opens a socket in place of any other and sends `resume`. */
  | "resume_session"
  /** Sends what is kept from where the server wants it, and from now on at once. */
  | "flush"
  | "close_socket";

export interface Step {
  readonly state: State;
  readonly effects: readonly Effect[];
}

export const idle: State = { phase: "idle" };

const GIVE_UP_AFTER_MS = 150_000;
const READY_WITHIN_MS = 10_000;
const DONE_WITHIN_MS = 30_000;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 8_000;
/** Close codes after which another attempt may succeed: going away, lost, internal error, restarting, overloaded. */
const PASSING: ReadonlySet<number> = new Set([1001, 1005, 1006, 1011, 1012, 1013]);

/**
 * How long a state may last until `timeout`; null: for ever. `chance`, 0 to 1, spreads the attempts of all who lost
 * the same server. (M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog: full jitter)
 */
export function patienceMs(state: State, chance: number): number | null {
  switch (state.phase) {
    case "connecting":
      return READY_WITHIN_MS;
    case "waiting":
      return state.leastMs + chance * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (state.attempt - 1));
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

/** What is the matter, if anybody is to know: while it still tries by itself, nothing that the first try may mend. */
export function trouble(state: State): Problem | null {
  if (state.phase === "failed") return state.why;
  if (state.phase !== "waiting" && state.phase !== "connecting") return null;
  const failures = state.phase === "waiting" ? state.attempt : state.attempt - 1;
  return state.resumes && failures === 1 ? null : state.why;
}

/** `nowMs` counts from anywhere, and never back. */
export function step(state: State, input: Input, nowMs: number): Step {
  switch (input.type) {
    case "start":
      return state.phase === "idle" || state.phase === "failed"
        ? to({ phase: "opening" }, "open_microphone")
        : to(state);
    case "microphone_opened":
      if (state.phase !== "opening") return to(state);
      return connect({ resumes: false, attempt: 1, ending: false, sinceMs: nowMs, why: null });
    case "stop":
      return stopped(state);
    case "message":
      return received(state, input.message, nowMs);
    case "closed":
      return isConnected(state) ? closed(state, input.code, nowMs) : to(state);
    case "timeout":
      return timedOut(state, nowMs);
    case "failed":
      return fail(input.why);
  }
}

const to = (state: State, ...effects: Effect[]): Step => ({ state, effects });

const fail = (why: Problem): Step => to({ phase: "failed", why }, "drop_audio", "close_socket");

function connect({ resumes, attempt, ending, sinceMs, why }: Trying): Step {
  const state = { phase: "connecting", resumes, attempt, ending, sinceMs, why } as const;
  return to(state, resumes ? "resume_session" : "start_session");
}

const isConnected = (state: State): state is Connected =>
  state.phase === "connecting" || state.phase === "listening" || state.phase === "finishing";

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

function received(state: State, message: ServerMessage, nowMs: number): Step {
  if (!isConnected(state) && state.phase !== "waiting") return to(state);
  if (message.type === "done") return to(idle, "drop_audio", "close_socket");
  if (state.phase === "waiting") return to(state);
  switch (message.type) {
    case "ready":
      if (state.phase !== "connecting") return to(state);
      return to({ phase: state.ending ? "finishing" : "listening", why: null }, "flush");
    case "draining":
      return state.phase === "connecting" ? to(state) : waitFor({ ...trying(state, nowMs), why: null }, nowMs);
    case "error":
      // A server that drains tells other programs where to go; the reader need only know what its close code says.
      return message.fatal && message.code !== "draining" ? refused(state, message, nowMs) : to(state);
    default:
      return to(state);
  }
}

/** After a fatal error the server closes the socket; what that means its code says. */
function refused(state: Connected, { code, message, retry_after_s }: Error, nowMs: number): Step {
  if (code === "unknown_session" && state.phase === "connecting" && state.resumes) {
    return connect({ ...state, resumes: false, why: null });
  }
  const why = problem(code, message);
  if (retry_after_s == null) return to({ ...state, why });
  const { state: next, effects } = waitFor({ ...trying(state, nowMs), why }, nowMs, retry_after_s * 1_000);
  return next.phase === "waiting" ? to(next, ...effects, "close_socket") : to(next, ...effects);
}

function closed(state: Connected, code: number, nowMs: number): Step {
  const why = state.why ?? closedWith(code);
  if (PASSING.has(code)) return waitFor({ ...trying(state, nowMs), why }, nowMs);
  return fail(state.why ?? (state.phase === "finishing" ? problem("last_words_lost") : why));
}

/** What the next attempt needs to know. */
function trying(state: Connected, nowMs: number): Trying {
  if (state.phase === "connecting") return state;
  return { resumes: true, attempt: 1, ending: state.phase === "finishing", sinceMs: nowMs, why: state.why };
}

function waitFor({ resumes, attempt, ending, sinceMs, why }: Trying, nowMs: number, leastMs = 0): Step {
  if (nowMs - sinceMs < GIVE_UP_AFTER_MS) {
    return to({ phase: "waiting", resumes, attempt, ending, sinceMs, why, leastMs });
  }
  return fail(ending || why === null ? problem("last_words_lost") : why);
}

function timedOut(state: State, nowMs: number): Step {
  switch (state.phase) {
    case "waiting":
      return connect({ ...state, attempt: state.attempt + 1 });
    case "connecting": {
      const { state: next, effects } = closed({ ...state, why: problem("no_answer") }, 1006, nowMs);
      return to(next, ...effects, "close_socket");
    }
    case "finishing":
      return fail(problem("last_words_lost"));
    default:
      return to(state);
  }
}
