/** Public API of the package `nova-voice`. */
export { Client, connect, NovaVoiceError, type ClientOptions, type EventMap } from "./client.js";
export { loudness, Resampler, SAMPLE_RATE, toPcm16 } from "./audio/resampler.js";
export type { Problem } from "./protocol/problems.js";
export type { SessionOptions } from "./protocol/session-options.js";
export type { ConnectionState } from "./session/connection-state.js";
export type { WebSocketConstructor, WebSocketLike } from "./session/resumable-socket.js";
export type {
  Done,
  Draining,
  Error as ErrorMessage,
  Final,
  Notice,
  Partial as PartialMessage,
  Ready,
  ServerMessage,
  SpeechEnded,
  SpeechStarted,
  Translation,
  Word,
} from "./protocol/messages.js";
