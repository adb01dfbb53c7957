/** Shows the level of a microphone during setup. The audio is not sent anywhere. */
import type { Problem } from "../../client/src/protocol/problems";
import { captureProblem } from "../capture/audio-input";
import { startCapture, type Capture } from "../capture/capture";
import { createStore, type Store } from "../session/store";
import type { Settings } from "../settings/settings";

export interface MicrophoneCheck {
  readonly level: Store<number>;
  readonly loudest: Store<number>;
  readonly problem: Store<Problem | null>;
  /** Stops by itself after a while. */
  start: () => void;
  stop: () => void;
}

const DURATION_MS = 15_000;

export function createMicrophoneCheck(settings: Store<Settings>, onOpened: () => void): MicrophoneCheck {
  const level = createStore(0);
  const loudest = createStore(0);
  const problem = createStore<Problem | null>(null);
  let current: Promise<Capture> | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function start(): void {
    stop();
    loudest.set(0);
    problem.set(null);
    const capture = startCapture(
      { kind: "microphone", deviceId: settings.get().microphone },
      {
        onFrame: (_, loudness) => {
          if (current !== capture) return;
          level.set(loudness);
          loudest.update((before) => Math.max(before, loudness));
        },
        onEnd: problem.set,
      },
    );
    current = capture;
    capture.then(onOpened, (error: unknown) => problem.set(captureProblem(error)));
    timer = setTimeout(stop, DURATION_MS);
  }

  function stop(): void {
    clearTimeout(timer);
    void current?.then((capture) => capture.close()).catch(() => undefined);
    current = null;
    level.set(0);
  }

  return { level, loudest, problem, start, stop };
}
