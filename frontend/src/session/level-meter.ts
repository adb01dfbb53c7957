import { createStore, type Store } from "./store";

export interface LevelMeter {
  /** 0 to 1 */
  readonly level: Store<number>;
  add: (loudness: number) => void;
  reset: () => void;
}

// Three frames of 30 ms: a meter that moves ten times a second looks smooth, and each update redraws it.
const FRAMES_PER_UPDATE = 3;

/** Shows the loudest of the last frames, in steps of 2 %. */
export function createLevelMeter(): LevelMeter {
  const level = createStore(0);
  let recent: number[] = [];
  return {
    level,
    add: (loudness) => {
      recent.push(loudness);
      if (recent.length < FRAMES_PER_UPDATE) return;
      level.set(Math.round(50 * Math.max(...recent)) / 50);
      recent = [];
    },
    reset: () => level.set(0),
  };
}
