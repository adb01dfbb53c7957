/** What a window knows about voices: the enrolled ones, and whether the server ignores speech at the moment. */
import type { SpeechIgnored } from "../../client/src/protocol/messages";
import type { Problem } from "../../client/src/protocol/problems";
import { createStore, type Store } from "../session/store";
import type { Settings } from "../settings/settings";
import type { RecordingLine } from "../page/recordings/recording-state";

export type IgnoreReason = SpeechIgnored["reason"];

export interface SessionSpeakers {
  /** Names of the enrolled voices. */
  readonly voices: Store<readonly string[]>;
  /** Why speech was ignored in the last seconds, or null. */
  readonly ignored: Store<IgnoreReason | null>;
  /** Reads the enrolled voices again. */
  readonly refresh: () => Promise<void>;
  /** Reads them if the settings need them. Users who do not need them cause no request. */
  readonly refreshIfUsed: () => void;
  readonly applyMessage: (message: RecordingLine) => void;
  /** Turns off a choice that the server refuses. */
  readonly applyProblem: (problem: Problem) => void;
}

// The other voice may pause. The status should not flicker, and should not outlast the other voice for long.
export const SHOWN_MS = 5_000;

export function createSessionSpeakers(
  settings: Store<Settings>,
  readVoices: () => Promise<readonly string[]>,
): SessionSpeakers {
  const voices = createStore<readonly string[]>([]);
  const ignored = createStore<IgnoreReason | null>(null);
  let timer: ReturnType<typeof setTimeout> | undefined;

  const refresh = () => readVoices().then(voices.set);
  const listenToEveryone = () => settings.update((before) => ({ ...before, onlySpeaker: "" }));

  return {
    voices,
    ignored,
    refresh,
    refreshIfUsed: () => {
      const { speakers, onlySpeaker } = settings.get();
      if (speakers || onlySpeaker !== "") void refresh();
    },
    applyMessage: (message) => {
      if (message.type !== "speech_ignored") return;
      ignored.set(message.reason);
      clearTimeout(timer);
      timer = setTimeout(ignored.set, SHOWN_MS, null);
    },
    applyProblem: ({ code }) => {
      if (code === "speakers_unavailable") listenToEveryone();
      if (code !== "unknown_speaker") return;
      void refresh().then(() => {
        if (!voices.get().includes(settings.get().onlySpeaker)) listenToEveryone();
      });
    },
  };
}
