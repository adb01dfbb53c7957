// Generated from docs/reference/protocol.schema.json by `npm run types`. Change the pydantic models, not this file.

/**
 * What travels as text frames on the WebSocket /v1/stream.
 */
export type AnyMessage = ClientMessage | ServerMessage;
export type ClientMessage = Start | Resume | Configure | Finalize | Keepalive | Stop;
export type ServerMessage =
  Ready | SpeechStarted | Partial | Final | Translation | SpeechEnded | Notice | Error | Draining | Done;

/**
 * Opens a session; this or `resume` is the first message on every connection.
 */
export interface Start {
  /**
   * The language spoken: a code ("en", "zh", "pt-BR"), or "auto" to detect it.
   */
  language?: string;
  /**
   * Codes of the languages that somebody reads: ISO ("es", "pt-BR") or FLORES ("spa_Latn"). At most 8.
   */
  translate_to?: string[];
  /**
   * Whether words are shown while they are spoken.
   */
  partials?: boolean;
  /**
   * Whether finals carry each word's times and confidence.
   */
  words?: boolean;
  /**
   * Silence that ends an utterance.
   */
  endpoint_ms?: number;
  /**
   * What the words are for; a hint to clients and policies.
   */
  mode?: "dictation" | "captions";
  /**
   * "revise": the best final; "stable": a final that begins with the words committed while speaking.
   */
  finals?: "revise" | "stable";
  /**
   * Text that sets the style and spelling of what follows.
   */
  prompt?: string;
  /**
   * Names and terms to expect, separated by spaces or commas.
   */
  hotwords?: string;
  type: "start";
  audio?: AudioFormat;
  /**
   * Position of the first sample to come. Above 0 when the session stands in for one that the server has lost.
   */
  audio_from_ms?: number;
  /**
   * The last utterance of the lost session that the client has a final of; counting goes on behind it.
   */
  utterance?: number;
  /**
   * The client's name for this session in every log line about it; empty: the server makes one.
   */
  correlation_id?: string;
}
/**
 * How the binary frames are encoded.
 */
export interface AudioFormat {
  /**
   * Raw samples, or a WebM or Ogg container with Opus, as a browser's MediaRecorder sends.
   */
  encoding?: "pcm_s16le" | "pcm_f32le" | "mulaw" | "alaw" | "webm" | "ogg";
  /**
   * Hz, 8,000 to 48,000; containers carry their own.
   */
  sample_rate?: number;
  /**
   * 1 or 2, interleaved; two are mixed to one.
   */
  channels?: number;
}
/**
 * Goes on with a session after its connection was lost, on any gateway. Options and audio format stay as they were.
 *
 * `ready` answers with the position from which audio is to be sent again; before other events come those that the
 * client has missed. A container (webm, ogg) begins anew. A connection that still holds the session is closed: 4001.
 * Refused with `unknown_session` when the session has expired or the token is wrong: then `start` anew.
 */
export interface Resume {
  type: "resume";
  session: string;
  /**
   * The `resume_token` of `ready`.
   */
  token: string;
  /**
   * That of the last durable event the client has.
   */
  cursor?: string;
  /**
   * Position of the oldest audio that the client can send again.
   */
  audio_from_ms?: number;
  /**
   * The last utterance that the client has a final (or an error) of.
   */
  utterance?: number;
  /**
   * The utterance of the last `partial`, and the words it had `committed`: they stay so.
   */
  open_utterance?: number;
  committed?: string;
}
/**
 * Changes any option at once, also for the utterance in progress; a field left out stays as it is.
 */
export interface Configure {
  type: "configure";
  language?: string | null;
  translate_to?: string[] | null;
  partials?: boolean | null;
  words?: boolean | null;
  endpoint_ms?: number | null;
  mode?: ("dictation" | "captions") | null;
  finals?: ("revise" | "stable") | null;
  prompt?: string | null;
  hotwords?: string | null;
}
/**
 * Ends the utterance in progress now, without waiting for silence.
 */
export interface Finalize {
  type: "finalize";
}
/**
 * Says that the client is there although it sends no audio.
 */
export interface Keepalive {
  type: "keepalive";
}
/**
 * No more audio: finals and translations in flight follow, then `done`.
 */
export interface Stop {
  type: "stop";
}
/**
 * The session is open: send audio.
 */
export interface Ready {
  type: "ready";
  session: string;
  /**
   * Whoever has it may resume the session; the same for as long as the session lives.
   */
  resume_token: string;
  /**
   * The position from which the server expects audio; what came before it is safe.
   */
  audio_from_ms: number;
  /**
   * Place in the session's durable log; every durable event carries the next one.
   */
  cursor: string;
  /**
   * What every log line about this session carries, in all services: to be told when asking for help.
   */
  correlation_id: string;
}
/**
 * Someone began to speak.
 */
export interface SpeechStarted {
  type: "speech_started";
  /**
   * Counts from 1 within the session.
   */
  utterance: number;
  start_ms: number;
}
/**
 * The words so far: `committed` stays for as long as the utterance lasts, `tentative` may change.
 */
export interface Partial {
  type: "partial";
  utterance: number;
  /**
   * Grows with each partial of the utterance.
   */
  revision: number;
  committed: string;
  tentative: string;
  language: string;
  start_ms: number;
  /**
   * How far into the session's audio this partial has listened.
   */
  end_ms: number;
}
/**
 * An utterance's text, for good. Each utterance gets exactly one `final` (or one `error` naming it).
 */
export interface Final {
  type: "final";
  utterance: number;
  /**
   * Empty when the utterance turned out to hold no words: withdraw what was shown for it.
   */
  text: string;
  language: string;
  /**
   * Mean token probability, 0 to 1.
   */
  confidence: number;
  start_ms: number;
  end_ms: number;
  words?: Word[] | null;
  /**
   * Languages in which a final `translation` of this utterance follows (or a `notice` or an `error` in its place).
   */
  translate_to: string[];
  /**
   * It comes after an `error` that named the utterance: an operator had it processed again.
   */
  late: boolean;
  cursor: string;
}
/**
 * A word of a final.
 */
export interface Word {
  /**
   * With the space that stands before it, so that the words joined are the text.
   */
  word: string;
  start_ms: number;
  end_ms: number;
  /**
   * Probability, 0 to 1.
   */
  confidence: number;
}
/**
 * An utterance, or its committed part so far, in another language.
 */
export interface Translation {
  type: "translation";
  utterance: number;
  /**
   * The code as the session asked for it.
   */
  language: string;
  text: string;
  is_final: boolean;
  /**
   * Set on final translations only.
   */
  cursor: string;
}
/**
 * The utterance is over; its final follows.
 */
export interface SpeechEnded {
  type: "speech_ended";
  utterance: number;
  end_ms: number;
}
/**
 * Something worth knowing that changes nothing: the session goes on.
 */
export interface Notice {
  type: "notice";
  code: string;
  message: string;
  utterance?: number | null;
  /**
   * The target language concerned, as the session asked for it.
   */
  language?: string | null;
}
/**
 * Something failed. After a fatal error the connection is closed.
 */
export interface Error {
  type: "error";
  code: string;
  message: string;
  /**
   * The utterance that got no final, or no translation, where there is one.
   */
  utterance?: number | null;
  fatal: boolean;
  /**
   * When another attempt makes sense; with close code 1013.
   */
  retry_after_s?: number | null;
  /**
   * Set when the event is durable.
   */
  cursor: string;
}
/**
 * This gateway will close: connect to another and `resume`. What is in flight is still delivered here.
 */
export interface Draining {
  type: "draining";
  /**
   * Seconds until the connection is closed with 1012.
   */
  within_s: number;
}
/**
 * Everything asked for has been sent; the server closes the connection with 1000.
 */
export interface Done {
  type: "done";
}
