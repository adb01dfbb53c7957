/**
 * What is kept of a session's audio so that it can be sent again on another connection.
 *
 *        dropped: a final covers it         kept
 *     |··································|──────────────────────>|
 *     0                               fromMs                    now
 *
 * Messages that belong to a place in the audio are kept in that place. Positions outside are ms of the session's audio.
 */
import { SAMPLE_RATE } from "../audio/resampler";
import type { Finalize, Stop } from "../protocol/messages";

export type Kept = Int16Array<ArrayBuffer> | Finalize | Stop;

/** An utterance has at most 25 s; the rest is for what lies in the network and in the server's queues. */
export const KEPT_MS = 60_000;

const PER_MS = SAMPLE_RATE / 1_000;

interface Item {
  /** Its first sample, or the one that a message stands before. */
  readonly at: number;
  readonly what: Kept;
}

export class Ring {
  #items: Item[] = [];
  #fromMs = 0;
  /** The sample to come. */
  #end = 0;

  /** Position of the oldest audio here. */
  get fromMs(): number {
    return this.#fromMs;
  }

  /** Keeps what comes next; where over a minute is held, the oldest goes. */
  push(what: Kept): void {
    this.#items.push({ at: this.#end, what });
    this.#end += lengthOf(what);
    this.forget(this.#endMs - KEPT_MS);
  }

  /** Drops what stands before a position; one that is still to come leaves what stands at the end. */
  forget(beforeMs: number): void {
    const upto = Math.min(beforeMs, this.#endMs);
    if (upto <= this.#fromMs) return;
    this.#fromMs = upto;
    this.#items = behind(this.#items, upto * PER_MS);
  }

  /** What is here from a position on, in order. */
  from(fromMs: number): Kept[] {
    return behind(this.#items, Math.min(fromMs, this.#endMs) * PER_MS).map(({ what }) => what);
  }

  get #endMs(): number {
    return Math.floor(this.#end / PER_MS);
  }
}

/** The items from a sample on; the audio that it lies in is cut there. */
function behind(items: readonly Item[], sample: number): Item[] {
  return items.filter(({ at, what }) => at >= sample || at + lengthOf(what) > sample).map((item) => cut(item, sample));
}

function cut(item: Item, sample: number): Item {
  if (item.at >= sample || !isAudio(item.what)) return item;
  return { at: sample, what: item.what.subarray(sample - item.at) };
}

const lengthOf = (what: Kept) => (isAudio(what) ? what.length : 0);

export const isAudio = (what: unknown): what is Int16Array<ArrayBuffer> => what instanceof Int16Array;
