/** Detects a server that has stopped answering although the connection is still open (a half-open TCP connection). */

export interface ServerSilence {
  /** Milliseconds of loud audio sent since the last message from the server. */
  readonly loudMs: number;
  /** How much of it may be noise before the connection is considered dead. */
  readonly toleranceMs: number;
}

export const noSilence: ServerSilence = { loudMs: 0, toleranceMs: 10_000 };

// Loudness scale 0 to 1, see `loudness`: 36 dB below full scale. Anything quieter is not speech.
const SPEECH_LOUDNESS = 0.4;

/** @param loudness 0 to 1, of audio that was sent. */
export const addAudio = (silence: ServerSilence, loudness: number, ms: number): ServerSilence =>
  loudness < SPEECH_LOUDNESS ? silence : { ...silence, loudMs: silence.loudMs + ms };

/** Whether to reconnect. */
export const isStalled = ({ loudMs, toleranceMs }: ServerSilence): boolean => loudMs >= toleranceMs;

/** After a reconnection that brought no message: loud noise must not cause one reconnection after another. */
export const doubleTolerance = ({ toleranceMs }: ServerSilence): ServerSilence => ({
  loudMs: 0,
  toleranceMs: 2 * toleranceMs,
});
