/**
 * A session's connection as a pure state machine. `step` takes an input and the current time, and returns the next
 * state and the effects to perform.
 *
 *     idle -> opening -> connecting -> listening -> finishing -> idle
 *                          |    ^          |            |
 *                          v    |          |            |         any of them -> failed
 *                         waiting <--------+------------'
 *
 * Audio is captured from `opening` on and kept until a final covers it, so a lost connection loses no speech.
 */
import { problem, problemOfCloseCode, type Problem } from "../protocol/problems.js";
import type { Error, ServerMessage } from "../protocol/messages.js";

/** Carried from one connection attempt to the next. */
interface RetryState {
  /** Whether there is a session to resume. */
  readonly resumes: boolean;
  /** Counts from 1. The connection that was lost is the first attempt. */
  readonly attempt: number;
  /** Whether the user has already pressed Stop. */
  readonly isStopping: boolean;
  /** When the connection was last up, in ms. */
  readonly sinceMs: number;
  readonly problem: Problem | null;
}

export type ConnectionState =
  | { readonly phase: "idle" }
  /** The audio source is being opened. */
  | { readonly phase: "opening" }
  /** The socket is opening or open, and `ready` has not arrived. */
  | ({ readonly phase: "connecting" } & RetryState)
  /** Waits at least `minDelayMs` before the next attempt. A draining server may still send events. */
  | ({ readonly phase: "waiting"; readonly minDelayMs: number } & RetryState)
  | { readonly phase: "listening"; readonly problem: Problem | null }
  /** Stop was pressed; the last finals have not arrived yet. */
  | { readonly phase: "finishing"; readonly problem: Problem | null }
  | { readonly phase: "failed"; readonly problem: Problem };

type Connected = Extract<ConnectionState, { phase: "connecting" | "listening" | "finishing" }>;

export type ConnectionInput =
  | { readonly type: "start" }
  | { readonly type: "audio_opened" }
  | { readonly type: "stop" }
  | { readonly type: "message"; readonly message: ServerMessage }
  | { readonly type: "closed"; readonly code: number }
  /** `timeoutMs` has passed since the phase changed. */
  | { readonly type: "timeout" }
  /** The client itself cannot continue, for example because the microphone is blocked. */
  | { readonly type: "failed"; readonly problem: Problem };

export type Effect =
  | "open_audio"
  /** Close the audio source and queue `stop` behind its last sample. */
  | "end_audio"
  /** Close the audio source and discard the audio that is kept. */
  | "drop_audio"
  /** Open a socket in place of any other and send `start`. */
  | "start_session"
  /** Open a socket in place of any other and send `resume`. */
  | "resume_session"
  /** Send the kept audio that the server lacks, and all later audio immediately. */
  | "flush"
  | "close_socket";

export interface Transition {
  readonly state: ConnectionState;
  readonly effects: readonly Effect[];
}

export const idle: ConnectionState = { phase: "idle" };

// Longer than a gateway takes to restart, shorter than the server keeps a session for `resume`.
const GIVE_UP_AFTER_MS = 150_000;
const READY_TIMEOUT_MS = 10_000;
const DONE_TIMEOUT_MS = 30_000;
const FIRST_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 8_000;
// Going away, no status, lost, internal error, restarting, overloaded: another attempt may succeed.
const RETRYABLE_CLOSE_CODES: ReadonlySet<number> = new Set([1001, 1005, 1006, 1011, 1012, 1013]);

/**
 * Returns how long a phase may last before `timeout`, or null for no limit.
 *
 * @param random 0 to 1. Spreads the attempts of all clients that lost the same server ("full jitter", M. Brooker,
 *   "Exponential Backoff and Jitter", AWS Architecture Blog).
 */
export function timeoutMs(state: ConnectionState, random: number): number | null {
  switch (state.phase) {
    case "connecting":
      return READY_TIMEOUT_MS;
    case "waiting":
      return state.minDelayMs + random * Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (state.attempt - 1));
    case "finishing":
      return DONE_TIMEOUT_MS;
    default:
      return null;
  }
}

/** Whether the audio source is open or being opened. */
export function isRecording(state: ConnectionState): boolean {
  if (state.phase === "connecting" || state.phase === "waiting") return !state.isStopping;
  return state.phase === "opening" || state.phase === "listening";
}

/** Whether Stop was pressed and the last words have not all arrived. */
export function isStopping(state: ConnectionState): boolean {
  return state.phase === "finishing" || ("isStopping" in state && state.isStopping);
}

/** Returns the problem to show to the user. A first failure that the next attempt may repair is not shown. */
export function visibleProblem(state: ConnectionState): Problem | null {
  if (state.phase === "failed") return state.problem;
  if (state.phase !== "waiting" && state.phase !== "connecting") return null;
  const failures = state.phase === "waiting" ? state.attempt : state.attempt - 1;
  return state.resumes && failures === 1 ? null : state.problem;
}

/** @param nowMs A monotonic clock with any origin. */
export function step(state: ConnectionState, input: ConnectionInput, nowMs: number): Transition {
  switch (input.type) {
    case "start":
      return state.phase === "idle" || state.phase === "failed"
        ? transition({ phase: "opening" }, "open_audio")
        : transition(state);
    case "audio_opened":
      if (state.phase !== "opening") return transition(state);
      return connect({ resumes: false, attempt: 1, isStopping: false, sinceMs: nowMs, problem: null });
    case "stop":
      return onStop(state);
    case "message":
      return onMessage(state, input.message, nowMs);
    case "closed":
      return isConnected(state) ? onClosed(state, input.code, nowMs) : transition(state);
    case "timeout":
      return onTimeout(state, nowMs);
    case "failed":
      return fail(input.problem);
  }
}

const transition = (state: ConnectionState, ...effects: Effect[]): Transition => ({ state, effects });

const fail = (reason: Problem): Transition =>
  transition({ phase: "failed", problem: reason }, "drop_audio", "close_socket");

function connect({ resumes, attempt, isStopping, sinceMs, problem }: RetryState): Transition {
  const state = { phase: "connecting", resumes, attempt, isStopping, sinceMs, problem } as const;
  return transition(state, resumes ? "resume_session" : "start_session");
}

const isConnected = (state: ConnectionState): state is Connected =>
  state.phase === "connecting" || state.phase === "listening" || state.phase === "finishing";

/** The first Stop waits for the last words; the second one does not. */
function onStop(state: ConnectionState): Transition {
  if (isStopping(state) || state.phase === "opening") return transition(idle, "drop_audio", "close_socket");
  switch (state.phase) {
    case "connecting":
    case "waiting":
      return transition({ ...state, isStopping: true }, "end_audio");
    case "listening":
      return transition({ ...state, phase: "finishing" }, "end_audio");
    default:
      return transition(state);
  }
}

function onMessage(state: ConnectionState, message: ServerMessage, nowMs: number): Transition {
  if (!isConnected(state) && state.phase !== "waiting") return transition(state);
  if (message.type === "done") return transition(idle, "drop_audio", "close_socket");
  if (state.phase === "waiting") return transition(state);
  switch (message.type) {
    case "ready":
      if (state.phase !== "connecting") return transition(state);
      return transition({ phase: state.isStopping ? "finishing" : "listening", problem: null }, "flush");
    case "draining":
      return state.phase === "connecting"
        ? transition(state)
        : scheduleRetry({ ...retryState(state, nowMs), problem: null }, nowMs);
    case "error":
      // A draining server refuses new connections with text for programs. Its close code follows and says enough.
      return message.fatal && message.code !== "draining" ? onFatalError(state, message, nowMs) : transition(state);
    default:
      return transition(state);
  }
}

/** Without `retry_after_s` the machine waits for the close code, which decides whether to retry. */
function onFatalError(state: Connected, { code, message, retry_after_s }: Error, nowMs: number): Transition {
  if (code === "unknown_session" && state.phase === "connecting" && state.resumes) {
    return connect({ ...state, resumes: false, problem: null });
  }
  const reason = problem(code, message);
  if (retry_after_s == null) return transition({ ...state, problem: reason });
  const retry = scheduleRetry({ ...retryState(state, nowMs), problem: reason }, nowMs, retry_after_s * 1_000);
  return retry.state.phase === "waiting" ? transition(retry.state, ...retry.effects, "close_socket") : retry;
}

function onClosed(state: Connected, code: number, nowMs: number): Transition {
  const reason = state.problem ?? problemOfCloseCode(code);
  if (RETRYABLE_CLOSE_CODES.has(code)) return scheduleRetry({ ...retryState(state, nowMs), problem: reason }, nowMs);
  return fail(state.problem ?? (state.phase === "finishing" ? problem("last_words_lost") : reason));
}

function retryState(state: Connected, nowMs: number): RetryState {
  if (state.phase === "connecting") return state;
  const isFinishing = state.phase === "finishing";
  return { resumes: true, attempt: 1, isStopping: isFinishing, sinceMs: nowMs, problem: state.problem };
}

function scheduleRetry(retry: RetryState, nowMs: number, minDelayMs = 0): Transition {
  const { resumes, attempt, isStopping, sinceMs, problem: reason } = retry;
  if (nowMs - sinceMs < GIVE_UP_AFTER_MS) {
    return transition({ phase: "waiting", resumes, attempt, isStopping, sinceMs, problem: reason, minDelayMs });
  }
  return fail(isStopping || reason === null ? problem("last_words_lost") : reason);
}

function onTimeout(state: ConnectionState, nowMs: number): Transition {
  switch (state.phase) {
    case "waiting":
      return connect({ ...state, attempt: state.attempt + 1 });
    case "connecting": {
      const retry = onClosed({ ...state, problem: problem("no_answer") }, 1006, nowMs);
      return transition(retry.state, ...retry.effects, "close_socket");
    }
    case "finishing":
      return fail(problem("last_words_lost"));
    default:
      return transition(state);
  }
}
