// Generated from docs/reference/protocol.schema.json by `npm run types`. Change the pydantic models, not this file.

/**
 * Text frames of the WebSocket /v1/stream.
 */
export type AnyMessage = ClientMessage | ServerMessage;
export type ClientMessage = Start | Resume | Configure | Finalize | Clear | Keepalive | Stop;
export type ServerMessage =
  | Ready
  | SpeechStarted
  | Partial
  | EarlyFinal
  | EarlyFinalWithdrawn
  | Final
  | Translation
  | SpeechEnded
  | TurnEnd
  | Interrupt
  | SpeakersMerged
  | EnrolmentSample
  | SpeakerEnrolled
  | SpeechIgnored
  | Notice
  | Error
  | Draining
  | Done;

/**
 * Opens a session. `start` or `resume` is the first message on every connection.
 */
export interface Start {
  /**
   * Spoken language: a code ("en", "pt-BR", "zh-TW"), or "auto" to detect it. The code also names the script.
   */
  language?: string;
  /**
   * Languages to choose from if `language` is "auto". Empty: all that the model knows. Remote models ignore it.
   *
   * @maxItems 16
   */
  languages?: string[];
  /**
   * "translate": the speech model itself writes English in `text`, without a translation worker.
   */
  task?: "transcribe" | "translate";
  /**
   * Target languages: ISO ("es", "pt-BR") or FLORES ("spa_Latn") codes. At most 8.
   */
  translate_to?: string[];
  /**
   * Whether to send partials while the user speaks.
   */
  partials?: boolean;
  /**
   * Whether finals contain the times and the confidence of each word.
   */
  words?: boolean;
  /**
   * Whether finals contain the recognizer's tokens, its temperature and the probability of no speech.
   */
  decoding?: boolean;
  /**
   * Whether partials contain the times and the confidence of each word.
   */
  partial_words?: boolean;
  /**
   * Silence that ends an utterance.
   */
  endpoint_ms?: number;
  /**
   * Length from which a live utterance without `turn_threshold` is divided at a pause of 0.4 s. 0: never.
   */
  clause_ms?: number;
  /**
   * Silence after which `early_final` is sent, once the utterance has been recognized. 0: never.
   */
  early_final_ms?: number;
  /**
   * Probability that the speaker has finished from which a pause ends the utterance at once. 0: silence decides.
   */
  turn_threshold?: number;
  /**
   * With `turn_threshold`: silence that ends an utterance whose speaker has probably not finished.
   */
  turn_max_ms?: number;
  /**
   * Whether the client plays an answer to the user, who may interrupt it: then `interrupt` is sent, once.
   */
  responding?: boolean;
  /**
   * With `responding`: the text of the answer. Its echo in the microphone does not count as an interruption.
   */
  playing?: string;
  /**
   * With `responding`: speech that counts as an interruption.
   */
  interrupt_ms?: number;
  /**
   * false: only `finalize` ends utterances, so that the client decides; they contain all audio, also silence.
   */
  endpointing?: boolean;
  /**
   * Whether finals name their speaker: "1" is the first one in the session, "2" the next one.
   */
  speakers?: boolean;
  /**
   * With `speakers`: the largest number of labels. Further voices get the most similar one.
   */
  max_speakers?: number;
  /**
   * Whether noise is reduced before speech is recognized. "auto": only in utterances that are noisy.
   */
  denoise?: "off" | "on" | "auto";
  /**
   * Purpose of the text. The server does not use it.
   */
  mode?: "dictation" | "captions";
  /**
   * "revise": the most accurate final. "stable": a final that starts with the committed words.
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
  /**
   * "fillers": filler words are removed. "profanity": profane words are masked. "numerals": numbers are in digits.
   *
   * @maxItems 8
   */
  formatting?: ("fillers" | "profanity" | "numerals")[];
  /**
   * Enrols the speaker: each utterance is a sample of their voice, and `stop` stores it.
   */
  enrol?: Enrolment | null;
  /**
   * With `speakers`: enrolled speakers whose finals have their name as the label.
   *
   * @maxItems 20
   */
  known_speakers?: string[];
  /**
   * Name of an enrolled speaker. Speech of other voices gives no text, but `speech_ignored`.
   */
  only_speaker?: string;
  /**
   * Whether each channel of `audio` is recognized on its own. All its events then have `channel`.
   */
  multichannel?: boolean;
  /**
   * With `multichannel`: whether finals are sent as they arrive, or over all channels by `start_ms`.
   */
  channel_order?: "arrival" | "time";
  /**
   * With `multichannel`: `audio_from_ms` and `utterance` of each channel, in place of these fields.
   *
   * @maxItems 8
   */
  positions?: ChannelPosition[];
  type: "start";
  audio?: AudioFormat;
  /**
   * Position of the first sample. Above 0 if this session continues one that the server has lost.
   */
  audio_from_ms?: number;
  /**
   * Last utterance of the lost session that the client has a final for. Numbers continue after it.
   */
  utterance?: number;
  /**
   * Id of the session in all log lines. If empty, the server creates one.
   */
  correlation_id?: string;
  /**
   * "recording": the audio is a file. Its finals are computed after those of live speech, and it has no partials.
   */
  priority?: "live" | "recording";
  /**
   * Publishes the session in this room: others can read it. 1 to 48 lower-case letters, digits and hyphens.
   */
  room?: string | null;
}
/**
 * The name under which a session stores the voice of its speaker.
 */
export interface Enrolment {
  /**
   * An earlier voice with this name is replaced.
   */
  name: string;
  /**
   * Whether the speaker has agreed that their voice is stored. Without it, the session is refused.
   */
  consent?: boolean;
  /**
   * Days until the server deletes the voice.
   */
  days?: number;
}
/**
 * Where one channel of a session begins that continues a lost one.
 */
export interface ChannelPosition {
  /**
   * Position of the first sample that is to be recognized.
   */
  audio_from_ms?: number;
  /**
   * Last utterance of the channel that the client has a final for.
   */
  utterance?: number;
}
/**
 * Format of the binary frames.
 */
export interface AudioFormat {
  /**
   * Raw samples, or a WebM or Ogg container with Opus, such as a browser's MediaRecorder produces.
   */
  encoding?: "pcm_s16le" | "pcm_f32le" | "mulaw" | "alaw" | "webm" | "ogg";
  /**
   * Hz, 8,000 to 48,000. Ignored for containers.
   */
  sample_rate?: number;
  /**
   * 1 or 2, interleaved. Two channels are mixed into one. With `channel` or `multichannel`: 1 to 8.
   */
  channels?: number;
  /**
   * Only this channel is recognized, from 0. Missing: all together, or with `multichannel` each on its own.
   */
  channel?: number | null;
}
/**
 * Continues a session on any gateway, with the same options and audio format.
 *
 * `ready` answers with the position from which to send audio again. The events that the client missed follow. A
 * container starts again from its header. A wrong token or an expired session causes the error `unknown_session`.
 */
export interface Resume {
  type: "resume";
  session: string;
  /**
   * `resume_token` of `ready`.
   */
  token: string;
  /**
   * Cursor of the last durable event that the client has.
   */
  cursor?: string;
  /**
   * Position of the oldest audio that the client can send again.
   */
  audio_from_ms?: number;
  /**
   * Last utterance that the client has a final or an error for.
   */
  utterance?: number;
  /**
   * Utterance of the last `partial`. The words in `committed` stay committed.
   */
  open_utterance?: number;
  committed?: string;
  /**
   * With `multichannel`: the state of each channel, in order, in place of the fields after `token`.
   *
   * @maxItems 8
   */
  channels?: ChannelResume[];
}
/**
 * The state of one channel as its client knows it. The fields mean the same as in `resume`.
 */
export interface ChannelResume {
  /**
   * Position of the first sample that is to be recognized.
   */
  audio_from_ms?: number;
  /**
   * Last utterance of the channel that the client has a final for.
   */
  utterance?: number;
  cursor?: string;
  open_utterance?: number;
  committed?: string;
}
/**
 * Changes options immediately, also for the utterance in progress. Missing fields keep their value.
 */
export interface Configure {
  type: "configure";
  language?: string | null;
  languages?: string[] | null;
  task?: ("transcribe" | "translate") | null;
  translate_to?: string[] | null;
  partials?: boolean | null;
  words?: boolean | null;
  decoding?: boolean | null;
  partial_words?: boolean | null;
  early_final_ms?: number | null;
  endpoint_ms?: number | null;
  clause_ms?: number | null;
  turn_threshold?: number | null;
  turn_max_ms?: number | null;
  responding?: boolean | null;
  playing?: string | null;
  interrupt_ms?: number | null;
  endpointing?: boolean | null;
  speakers?: boolean | null;
  max_speakers?: number | null;
  denoise?: ("off" | "on" | "auto") | null;
  mode?: ("dictation" | "captions") | null;
  finals?: ("revise" | "stable") | null;
  prompt?: string | null;
  hotwords?: string | null;
  formatting?: ("fillers" | "profanity" | "numerals")[] | null;
}
/**
 * Ends the utterance in progress immediately.
 */
export interface Finalize {
  type: "finalize";
}
/**
 * Discards the audio of the utterance in progress. It gets no final, and the next one has the same number.
 */
export interface Clear {
  type: "clear";
}
/**
 * Keeps the connection open while the client sends no audio.
 */
export interface Keepalive {
  type: "keepalive";
}
/**
 * Ends the audio. Pending finals and translations follow, then `done`.
 */
export interface Stop {
  type: "stop";
}
/**
 * The session is open. The client can send audio.
 */
export interface Ready {
  type: "ready";
  session: string;
  /**
   * Secret that allows a client to resume the session. It does not change.
   */
  resume_token: string;
  /**
   * Position from which the server expects audio. Audio before it is stored.
   */
  audio_from_ms: number;
  /**
   * Position in the session log. Each durable event contains the next one.
   */
  cursor: string;
  /**
   * Id of the session in the log lines of all services. Include it in bug reports.
   */
  correlation_id: string;
  /**
   * With `multichannel`: the state of each channel, in order.
   */
  channels?: ChannelReady[] | null;
}
/**
 * The state of one channel as the server knows it. The fields mean the same as in `ready`.
 */
export interface ChannelReady {
  audio_from_ms: number;
  cursor: string;
}
/**
 * Speech was detected.
 */
export interface SpeechStarted {
  /**
   * With `multichannel`: the channel of the event, from 0. Each channel counts its utterances from 1.
   */
  channel?: number | null;
  type: "speech_started";
  /**
   * Number within the session, from 1.
   */
  utterance: number;
  start_ms: number;
}
/**
 * Text of the utterance in progress. `committed` does not change while the utterance lasts, `tentative` may.
 */
export interface Partial {
  /**
   * With `multichannel`: the channel of the event, from 0. Each channel counts its utterances from 1.
   */
  channel?: number | null;
  type: "partial";
  utterance: number;
  /**
   * Increases with each partial of the utterance.
   */
  revision: number;
  committed: string;
  tentative: string;
  language: string;
  start_ms: number;
  /**
   * End of the audio that this partial is based on.
   */
  end_ms: number;
  /**
   * The words of `committed` and `tentative` together, if `partial_words` is set.
   */
  words?: Word[] | null;
}
/**
 * A word of a text, with its times.
 */
export interface Word {
  /**
   * With the space before it: the joined words are the text.
   */
  word: string;
  start_ms: number;
  end_ms: number;
  /**
   * Probability, 0 to 1. 0 for a word of a partial that the latest audio does not confirm.
   */
  confidence: number;
}
/**
 * Text of an utterance that may be over: a pause has lasted for `early_final_ms`.
 *
 * The `final` has the same text, unless `early_final_withdrawn` comes before it. If an `error` replaces the final, or
 * the session is resumed, the early final is void. A busy server sends none.
 */
export interface EarlyFinal {
  /**
   * With `multichannel`: the channel of the event, from 0. Each channel counts its utterances from 1.
   */
  channel?: number | null;
  type: "early_final";
  utterance: number;
  /**
   * Never empty.
   */
  text: string;
  language: string;
  /**
   * Mean token probability, 0 to 1.
   */
  confidence: number;
  start_ms: number;
  end_ms: number;
  /**
   * Silence after the last speech when the event was sent.
   */
  silence_ms: number;
  words?: Word[] | null;
  /**
   * With `turn_threshold`: the probability that the speaker has finished, 0 to 1, if a worker has judged it.
   */
  turn_probability?: number | null;
}
/**
 * The `early_final` of the utterance is void, because more speech followed, or the client cleared the audio.
 */
export interface EarlyFinalWithdrawn {
  /**
   * With `multichannel`: the channel of the event, from 0. Each channel counts its utterances from 1.
   */
  channel?: number | null;
  type: "early_final_withdrawn";
  utterance: number;
}
/**
 * Definitive text of an utterance. Each utterance has exactly one `final`, or one `error` that names it.
 */
export interface Final {
  /**
   * With `multichannel`: the channel of the event, from 0. Each channel counts its utterances from 1.
   */
  channel?: number | null;
  type: "final";
  utterance: number;
  /**
   * Empty if the utterance has no words. Remove the text that was shown for it.
   */
  text: string;
  language: string;
  /**
   * Probability of the detected language, 0 to 1. None if `start` names the language, or it is unknown.
   */
  language_probability?: number | null;
  /**
   * Mean token probability, 0 to 1.
   */
  confidence: number;
  start_ms: number;
  end_ms: number;
  words?: Word[] | null;
  /**
   * Only if the client asks for it with `decoding`, and there is text.
   */
  decoding?: Decoding | null;
  /**
   * Languages of the final translations that follow. For each, a `notice` or an `error` can take its place.
   */
  translate_to: string[];
  /**
   * With `speakers`: the label of the speaker. If there are several, that of the longest part.
   */
  speaker?: string | null;
  /**
   * Cosine similarity of the voice to earlier speech of this speaker, -1 to 1. None: there is none.
   */
  speaker_similarity?: number | null;
  /**
   * The parts of the text, in order, if several speakers say it.
   */
  speaker_segments?: SpeakerSegment[] | null;
  /**
   * Whether it follows an `error` for the same utterance, because an operator replayed the job.
   */
  late: boolean;
  cursor: string;
}
/**
 * How the recognizer decoded an utterance.
 */
export interface Decoding {
  /**
   * 0: the most probable text. Above: sampled, because guards rejected the text at lower temperatures.
   */
  temperature: number;
  /**
   * Probability that the audio contains no speech, 0 to 1.
   */
  no_speech_probability: number;
  /**
   * The text, before its script is changed. Empty with recognizers that report none, such as remote ones.
   */
  tokens: DecodedToken[];
}
/**
 * A token of the recognizer's text.
 */
export interface DecodedToken {
  /**
   * Number in the vocabulary of the model.
   */
  id: number;
  /**
   * Its text in UTF-8. A character may be divided among tokens.
   */
  bytes: number[];
  /**
   * Natural logarithm of its probability.
   */
  logprob: number;
}
/**
 * A part of a final that one speaker says.
 */
export interface SpeakerSegment {
  /**
   * Label of the speaker.
   */
  speaker: string;
  /**
   * Cosine similarity of the voice to earlier speech of this speaker, -1 to 1. None: there is none.
   */
  similarity?: number | null;
  start_ms: number;
  end_ms: number;
  text: string;
}
/**
 * Translation of an utterance, or of its committed part.
 */
export interface Translation {
  /**
   * With `multichannel`: the channel of the event, from 0. Each channel counts its utterances from 1.
   */
  channel?: number | null;
  type: "translation";
  utterance: number;
  /**
   * Language code as in `translate_to`.
   */
  language: string;
  text: string;
  is_final: boolean;
  /**
   * Final translations only.
   */
  cursor: string;
}
/**
 * The utterance has ended. Its final follows.
 */
export interface SpeechEnded {
  /**
   * With `multichannel`: the channel of the event, from 0. Each channel counts its utterances from 1.
   */
  channel?: number | null;
  type: "speech_ended";
  utterance: number;
  end_ms: number;
}
/**
 * The speaker has finished, with this utterance. Its final follows. Only in sessions with `turn_threshold`.
 *
 * An utterance that was cut because of its length ends no turn.
 */
export interface TurnEnd {
  /**
   * With `multichannel`: the channel of the event, from 0. Each channel counts its utterances from 1.
   */
  channel?: number | null;
  type: "turn_end";
  utterance: number;
  end_ms: number;
  /**
   * Silence after the last speech, as far as it was received.
   */
  silence_ms: number;
  /**
   * Probability that the speaker has finished, 0 to 1. None if no worker has judged the last pause.
   */
  probability?: number | null;
}
/**
 * The user interrupts the answer that the client plays. Sent once for each time that `responding` is set.
 */
export interface Interrupt {
  /**
   * With `multichannel`: the channel of the event, from 0. Each channel counts its utterances from 1.
   */
  channel?: number | null;
  type: "interrupt";
  utterance: number;
  /**
   * Start of the interrupting speech.
   */
  start_ms: number;
  /**
   * End of the audio that decided.
   */
  at_ms: number;
}
/**
 * Two labels turned out to be one speaker. Sent before the final that showed it.
 */
export interface SpeakersMerged {
  /**
   * With `multichannel`: the channel of the event, from 0. Each channel counts its utterances from 1.
   */
  channel?: number | null;
  type: "speakers_merged";
  /**
   * The label that stays.
   */
  speaker: string;
  /**
   * The label whose earlier finals are of `speaker` too. It is not used again.
   */
  merged: string;
}
/**
 * Whether an utterance can be a sample of the voice that this session enrols. Sent before its final.
 */
export interface EnrolmentSample {
  /**
   * With `multichannel`: the channel of the event, from 0. Each channel counts its utterances from 1.
   */
  channel?: number | null;
  type: "enrolment_sample";
  utterance: number;
  accepted: boolean;
  /**
   * Why it is not accepted: "no_speech", "too_short", "too_quiet", "distorted", "too_noisy", "mixed" or
   * "not_measured". "": it is accepted.
   */
  reason: string;
  /**
   * The reason in words.
   */
  message: string;
  /**
   * Times of the utterance in the audio of the session.
   */
  start_ms: number;
  end_ms: number;
  speech_ms: number;
  /**
   * Level of the speech, in dB below full scale.
   */
  level_db?: number | null;
  /**
   * Level of the speech above that of the noise, in dB.
   */
  snr_db?: number | null;
}
/**
 * The voice is stored. `done` follows.
 */
export interface SpeakerEnrolled {
  /**
   * With `multichannel`: the channel of the event, from 0. Each channel counts its utterances from 1.
   */
  channel?: number | null;
  type: "speaker_enrolled";
  name: string;
  /**
   * Samples that are used.
   */
  samples: number;
  /**
   * Cosine similarity of the two samples that differ most, -1 to 1.
   */
  similarity: number;
  /**
   * Unix time in seconds at which the server deletes the voice.
   */
  expires: number;
}
/**
 * With `only_speaker`: speech that gives no text. Sent before the final of its utterance.
 */
export interface SpeechIgnored {
  /**
   * With `multichannel`: the channel of the event, from 0. Each channel counts its utterances from 1.
   */
  channel?: number | null;
  type: "speech_ignored";
  utterance: number;
  start_ms: number;
  end_ms: number;
  duration_ms: number;
  /**
   * "other_voice"; "too_short" to compare; "not_checked": no worker could compare it.
   */
  reason: "other_voice" | "too_short" | "not_checked";
  /**
   * Cosine similarity to the voice of the speaker, -1 to 1. None: there is none.
   */
  similarity?: number | null;
  /**
   * Whether the utterance has several voices that could not be separated, so that most of its pieces decided.
   */
  by_majority: boolean;
}
/**
 * Information for the user. The session continues.
 */
export interface Notice {
  /**
   * With `multichannel`: the channel of the event, from 0. Each channel counts its utterances from 1.
   */
  channel?: number | null;
  type: "notice";
  code: string;
  message: string;
  utterance?: number | null;
  /**
   * Target language that the notice is about, as in `translate_to`.
   */
  language?: string | null;
}
/**
 * An error. After a fatal error the server closes the connection.
 */
export interface Error {
  /**
   * With `multichannel`: the channel of the event, from 0. Each channel counts its utterances from 1.
   */
  channel?: number | null;
  type: "error";
  code: string;
  message: string;
  /**
   * Utterance that has no final or no translation because of the error.
   */
  utterance?: number | null;
  /**
   * Target language that the error is about, as in `translate_to`.
   */
  language?: string | null;
  fatal: boolean;
  /**
   * Seconds to wait before the next attempt, with close code 1013.
   */
  retry_after_s?: number | null;
  /**
   * Durable errors only.
   */
  cursor: string;
}
/**
 * This gateway is shutting down. Connect again and `resume`. Pending results are still delivered here.
 */
export interface Draining {
  type: "draining";
  /**
   * Seconds until the server closes the connection with 1012.
   */
  within_s: number;
}
/**
 * All results have been sent. The server closes the connection with 1000.
 */
export interface Done {
  type: "done";
}
