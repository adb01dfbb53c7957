/** The enrolment of the page: with its microphone, its language and its server. */
import { startCapture } from "../../capture/capture";
import type { ServerAddress } from "../../server/requests";
import type { Store } from "../../session/store";
import type { Settings } from "../../settings/settings";
import { readSample } from "./audio-files";
import { createEnrolment, type VoiceEnrolment } from "./enrolment";
import { createVoiceRecorder } from "./recorder";
import { enrolVoice, listVoices, removeVoice } from "./voice-requests";

export function createPageEnrolment(
  settings: Store<Settings>,
  server: () => ServerAddress,
  onChange: () => void,
): VoiceEnrolment {
  const microphone = () => ({ kind: "microphone", deviceId: settings.get().microphone }) as const;
  return createEnrolment({
    list: () => listVoices(server()),
    remove: (name) => removeVoice(server(), name),
    enrol: (name, wav) => enrolVoice(server(), name, settings.get().language, wav),
    readFile: readSample,
    createRecorder: (listener) => createVoiceRecorder((frames) => startCapture(microphone(), frames), listener),
    onChange,
  });
}
