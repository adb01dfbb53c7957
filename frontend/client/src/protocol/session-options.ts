import type { Start } from "./messages.js";

/** The options of a session that may change while it lasts. */
export type SessionOptions = Omit<
  Start,
  "type" | "audio" | "audio_from_ms" | "utterance" | "correlation_id" | "multichannel" | "channel_order" | "positions"
>;
