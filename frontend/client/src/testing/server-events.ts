/** Server events for tests, with defaults for all fields. */
import type {
  Error,
  Final,
  Notice,
  Partial,
  Ready,
  ServerMessage,
  SpeechStarted,
  Translation,
} from "../protocol/messages.js";

type Some<T> = { [K in keyof T]?: T[K] };

export const ready = (some: Some<Ready> = {}): Ready => ({
  type: "ready",
  session: "a",
  resume_token: "secret",
  audio_from_ms: 0,
  cursor: "0-0",
  correlation_id: "c",
  ...some,
});

export const started = (utterance: number, start_ms = 0): SpeechStarted => ({
  type: "speech_started",
  utterance,
  start_ms,
});

export const partial = (
  utterance: number,
  revision: number,
  committed: string,
  tentative = "",
  some: Some<Partial> = {},
): Partial => ({
  type: "partial",
  utterance,
  revision,
  committed,
  tentative,
  language: "en",
  start_ms: 100 * utterance,
  end_ms: 100 * utterance + 10 * revision,
  ...some,
});

export const final = (utterance: number, text: string, some: Some<Final> = {}): Final => ({
  type: "final",
  utterance,
  text,
  language: "en",
  confidence: 0.9,
  start_ms: 100 * utterance,
  end_ms: 100 * utterance + 90,
  translate_to: [],
  late: false,
  cursor: "",
  ...some,
});

export const translation = (
  utterance: number,
  text: string,
  is_final = true,
  some: Some<Translation> = {},
): Translation => ({ type: "translation", utterance, language: "es", text, is_final, cursor: "", ...some });

export const error = (code: string, some: Some<Error> = {}): Error => ({
  type: "error",
  code,
  message: code,
  fatal: false,
  cursor: "",
  ...some,
});

export const notice = (code: string): Notice => ({ type: "notice", code, message: code });

export const done: ServerMessage = { type: "done" };

export const draining: ServerMessage = { type: "draining", within_s: 10 };
