/** What a client remembers of a session in order to resume it over another connection. */
import type { ChannelResume, Resume, ServerMessage, Start } from "../protocol/messages.js";

/** One channel, or a session that is not divided into channels. Each channel counts its own utterances. */
export interface ChannelProgress {
  /** Cursor of the last durable event. */
  readonly cursor: string;
  /** The last utterance with a final, or with an error in its place. */
  readonly utterance: number;
  /** Utterance and committed text of the last partial. */
  readonly openUtterance: number;
  readonly committed: string;
  /** End of the last final: earlier audio is not needed again. */
  readonly coveredMs: number;
}

export interface SessionProgress {
  /** "" before the first `ready`. */
  readonly session: string;
  readonly token: string;
  /** Names the session in the server's logs. A session that replaces a lost one keeps it. */
  readonly correlationId: string;
  /** From where the server expects audio. */
  readonly audioFromMs: number;
  readonly channels: readonly ChannelProgress[];
}

const newChannel: ChannelProgress = {
  cursor: "0-0",
  utterance: 0,
  openUtterance: 0,
  committed: "",
  coveredMs: 0,
};

export const noProgress = (channels = 1): SessionProgress => ({
  session: "",
  token: "",
  correlationId: "",
  audioFromMs: 0,
  channels: Array.from({ length: channels }, () => newChannel),
});

export function advance(progress: SessionProgress, event: ServerMessage): SessionProgress {
  if (event.type !== "ready") {
    const about = ("channel" in event ? event.channel : null) ?? 0;
    const channels = progress.channels.map((channel, number) =>
      number === about ? advanceChannel(channel, event) : channel,
    );
    return { ...progress, channels };
  }
  // The cursor of `ready` may be ahead of missed events that are still to come, so a resumed session keeps its own.
  const isResumed = event.session === progress.session;
  const channels = progress.channels.map((channel, number) =>
    isResumed
      ? channel
      : {
          ...channel,
          cursor: event.channels?.[number]?.cursor ?? event.cursor,
        },
  );
  return {
    session: event.session,
    token: event.resume_token,
    correlationId: event.correlation_id,
    audioFromMs: event.audio_from_ms,
    channels,
  };
}

function advanceChannel(channel: ChannelProgress, event: ServerMessage): ChannelProgress {
  switch (event.type) {
    case "partial":
      return {
        ...channel,
        openUtterance: event.utterance,
        committed: event.committed,
      };
    case "final":
    case "error":
      return {
        ...channel,
        ...cursorAfter(channel, event.cursor),
        utterance: Math.max(channel.utterance, event.utterance ?? 0),
        coveredMs: Math.max(channel.coveredMs, event.type === "final" ? event.end_ms : 0),
      };
    case "translation":
      return { ...channel, ...cursorAfter(channel, event.cursor) };
    default:
      return channel;
  }
}

/** The position before which all channels have their finals. */
export const coveredMs = ({ channels }: SessionProgress) => Math.min(...channels.map((channel) => channel.coveredMs));

/**
 * A new session, which continues an earlier one if there was one.
 *
 * @param audioFromMs Position of the oldest audio that can be sent again.
 */
export function startMessage(progress: SessionProgress, start: Start, audioFromMs: number): Start {
  const position = ({ utterance }: ChannelProgress) => ({
    audio_from_ms: audioFromMs,
    utterance,
  });
  const begin = start.multichannel
    ? {
        positions: progress.channels.map((channel) => ({
          ...position(channel),
          audio_from_ms: Math.max(audioFromMs, channel.coveredMs),
        })),
      }
    : position(progress.channels[0] ?? newChannel);
  return { ...start, ...begin, correlation_id: progress.correlationId };
}

/** @param audioFromMs Position of the oldest audio that can be sent again. */
export function resumeMessage(progress: SessionProgress, audioFromMs: number, isMultichannel = false): Resume {
  const { session, token } = progress;
  const states = progress.channels.map((channel) => resumeState(channel, audioFromMs));
  return {
    type: "resume",
    session,
    token,
    ...(isMultichannel ? { channels: states } : states[0]),
  };
}

const resumeState = (channel: ChannelProgress, audioFromMs: number): ChannelResume => ({
  cursor: channel.cursor,
  audio_from_ms: audioFromMs,
  utterance: channel.utterance,
  open_utterance: channel.openUtterance,
  committed: channel.committed,
});

/** Events that are not durable have an empty cursor. */
const cursorAfter = (channel: ChannelProgress, cursor: string) => ({
  cursor: cursor === "" ? channel.cursor : cursor,
});
