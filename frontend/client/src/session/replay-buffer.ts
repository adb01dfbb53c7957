/**
 * The part of a session's audio that no final covers yet, so that it can be sent again over another connection.
 *
 *        discarded: a final covers it      kept
 *     |··································|──────────────────────>|
 *     0                              startMs                   now
 *
 * Messages that belong to a position in the audio (`finalize`, `stop`) are kept at that position. Public positions are
 * milliseconds of the session's audio.
 */
import { SAMPLE_RATE } from "../audio/resampler.js";
import type { Finalize, Stop } from "../protocol/messages.js";

export type ReplayItem = Int16Array<ArrayBuffer> | Finalize | Stop;

// An utterance has at most 25 s; the rest covers the network and the server's streams.
export const REPLAY_BUFFER_MS = 60_000;

interface PositionedItem {
  /** Index of its first sample, or of the sample that a message precedes. */
  readonly at: number;
  readonly item: ReplayItem;
}

export class ReplayBuffer {
  readonly #samplesPerMs: number;
  #items: PositionedItem[] = [];
  #startMs = 0;
  /** Index of the next sample. */
  #end = 0;

  /** @param channels Of the interleaved audio. */
  constructor(channels = 1) {
    this.#samplesPerMs = (channels * SAMPLE_RATE) / 1_000;
  }

  /** Position of the oldest audio that is kept. */
  get startMs(): number {
    return this.#startMs;
  }

  /** Appends audio or a message. The oldest audio is discarded beyond `REPLAY_BUFFER_MS`. */
  add(item: ReplayItem): void {
    this.#items.push({ at: this.#end, item });
    this.#end += lengthOf(item);
    this.discardBefore(this.#endMs - REPLAY_BUFFER_MS);
  }

  /** A position beyond the end discards all audio, but keeps messages at the end. */
  discardBefore(positionMs: number): void {
    const until = Math.min(positionMs, this.#endMs);
    if (until <= this.#startMs) return;
    this.#startMs = until;
    this.#items = itemsAfter(this.#items, until * this.#samplesPerMs);
  }

  /** Returns what is kept from a position on, in order. */
  itemsFrom(positionMs: number): ReplayItem[] {
    return itemsAfter(this.#items, Math.min(positionMs, this.#endMs) * this.#samplesPerMs).map(({ item }) => item);
  }

  get #endMs(): number {
    return Math.floor(this.#end / this.#samplesPerMs);
  }
}

/** Audio that contains the sample is cut there. */
function itemsAfter(items: readonly PositionedItem[], sample: number): PositionedItem[] {
  return items
    .filter(({ at, item }) => at >= sample || at + lengthOf(item) > sample)
    .map((positioned) => cut(positioned, sample));
}

function cut({ at, item }: PositionedItem, sample: number): PositionedItem {
  if (at >= sample || !isAudio(item)) return { at, item };
  return { at: sample, item: item.subarray(sample - at) };
}

const lengthOf = (item: ReplayItem) => (isAudio(item) ? item.length : 0);

export const isAudio = (item: unknown): item is Int16Array<ArrayBuffer> => item instanceof Int16Array;
