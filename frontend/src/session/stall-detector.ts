/** Whether a server has gone silent: a connection may stand for long although nobody is at its other end. */

export interface Silence {
  /** How long there was sound since the server said something, in ms. */
  readonly soundMs: number;
  /** How much of it is believed to be no speech. */
  readonly patienceMs: number;
}

export const attentive: Silence = { soundMs: 0, patienceMs: 10_000 };

/** Quieter is no speech: 36 dB below the loudest. */
const SOUND = 0.4;

/** Sound was sent; `loudness` from 0 to 1. */
export const sounded = (silence: Silence, loudness: number, ms: number): Silence =>
  loudness < SOUND ? silence : { ...silence, soundMs: silence.soundMs + ms };

/** Whether to connect anew. Where there is noise and nothing to say about it, that costs little, and less and less. */
export const isStalled = ({ soundMs, patienceMs }: Silence): boolean => soundMs >= patienceMs;

/** After a new connection that was asked for in vain. */
export const lessAttentive = ({ patienceMs }: Silence): Silence => ({ soundMs: 0, patienceMs: 2 * patienceMs });
