/** A microphone that is tried: how loud it is, and nothing else. */
import { whyClosed } from "../capture/audio-input";
import { capture, type Capture } from "../capture/capture";
import type { Problem } from "../../client/src/protocol/problems";
import type { Settings } from "../settings/settings";
import { createStore, type Store } from "../session/store";

export interface Trial {
  readonly level: Store<number>;
  readonly loudest: Store<number>;
  readonly problem: Store<Problem | null>;
  /** Hears for a while, and stops by itself. */
  start: () => void;
  stop: () => void;
}

const LASTS_MS = 15_000;

export function createTrial(settings: Store<Settings>, onOpened: () => void): Trial {
  const level = createStore(0);
  const loudest = createStore(0);
  const problem = createStore<Problem | null>(null);
  let opened: Promise<Capture> | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function start(): void {
    stop();
    loudest.set(0);
    problem.set(null);
    const mine = capture(
      { kind: "microphone", deviceId: settings.get().microphone },
      {
        onFrame: (_, loudness) => {
          if (opened !== mine) return;
          level.set(loudness);
          loudest.update((before) => Math.max(before, loudness));
        },
        onEnd: problem.set,
      },
    );
    opened = mine;
    mine.then(onOpened, (error: unknown) => {
      problem.set(whyClosed(error));
    });
    timer = setTimeout(stop, LASTS_MS);
  }

  function stop(): void {
    clearTimeout(timer);
    void opened?.then((microphone) => microphone.close()).catch(() => undefined);
    opened = null;
    level.set(0);
  }

  return { level, loudest, problem, start, stop };
}
