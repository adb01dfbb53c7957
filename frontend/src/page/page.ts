/** The web page: a live session, recordings, and the sessions of this browser. */
import { beginTake, applyEvent, editUtterance, interruptOpen } from "../transcript/captions";
import { renameSpeaker } from "../transcript/speakers/relabeling";
import { speakerName, speakerOf, type Speaker } from "../transcript/speakers/labels";
import { isRecording } from "../../client/src/session/connection-state";
import type { ServerMessage } from "../../client/src/protocol/messages";
import { problem } from "../../client/src/protocol/problems";
import { chooseLocale, textsFor } from "../i18n/texts";
import type { PageServer } from "../server/page-server";
import { lacksVoiceModel, updateNotices } from "../session/notices";
import { createSession, type Session } from "../session/session";
import { createStore, type Store } from "../session/store";
import { sessionOptions, type Settings } from "../settings/settings";
import { readEnrolledVoices } from "../speakers/enrolled-voices";
import { createSessionSpeakers, type SessionSpeakers } from "../speakers/session-speakers";
import { announce, type Announcement } from "./announcements";
import { createBusyStatus } from "./busy-status";
import { readServedLanguages } from "./languages/read-languages";
import { unknownLanguages, type ServedLanguages } from "./languages/served-languages";
import { createLibrary, type Library } from "./library/library";
import { openSessionDatabase } from "./library/session-database";
import { failed, isBusy, noRecording, type RecordingLine, type RecordingState } from "./recordings/recording-state";
import { uploadRecording } from "./recordings/upload";
import { sendRoomRequest } from "./sharing/room-links";
import { createSharing, type Sharing } from "./sharing/sharing";
import { tabMemory } from "./tab-memory";
import { createPageEnrolment } from "./voices/page-enrolment";
import type { VoiceEnrolment } from "./voices/enrolment";

export type Input = "microphone" | "display" | "file";
export type DialogName = "none" | "sessions" | "options" | "languages" | "share" | "voices";

/** The part of a page or program that the dialog shares. */
export interface Shareable {
  readonly dialog: Store<DialogName>;
  readonly sharing: Sharing;
  /** Whether the server is another one than that of the page. */
  readonly isElsewhere: boolean;
  /** Whether a session is in progress. */
  readonly isLive: () => boolean;
}

export interface Page extends Shareable {
  readonly session: Session;
  readonly library: Library;
  readonly recording: Store<RecordingState>;
  readonly languages: Store<ServedLanguages>;
  /** Code of the notice about a busy server, or null. */
  readonly busy: Store<string | null>;
  readonly speakers: SessionSpeakers;
  readonly enrolment: VoiceEnrolment;
  readonly announcements: Store<readonly Announcement[]>;
  /** What Start transcribes. */
  readonly input: Store<Input>;
  readonly edit: (id: string, spoken: readonly string[], translations: Readonly<Record<string, string>>) => void;
  readonly renameSpeaker: (speaker: Speaker, name: string) => void;
  /** Whether a session or a recording is in progress, so that its text could be lost. */
  readonly isWorking: () => boolean;
  /** Transcribes a file in a session of its own. */
  readonly transcribe: (file: File) => void;
  readonly cancelRecording: () => void;
  /** Tries the last file again, for example with an API key. */
  readonly retryRecording: () => void;
}

export function createPage(settings: Store<Settings>, server: PageServer): Page {
  const endpoint = () => ({ url: server.url, key: settings.get().key });
  const speakers = createSessionSpeakers(settings, () => readEnrolledVoices(server.url, settings.get().key));
  const enrolment = createPageEnrolment(settings, endpoint, () => void speakers.refresh());
  const sharing = createSharing(
    (request) => sendRoomRequest(endpoint(), request),
    () => Promise.resolve(endpoint()),
    Date.now,
  );
  const base = createSession({
    room: () => sharing.share.get()?.room ?? "",
    voices: speakers.voices.get,
    settings,
    server: () => Promise.resolve(endpoint()),
    remoteHost: server.isOtherHost ? server.host : "",
  });
  const library = createLibrary({
    captions: base.captions,
    isKeeping: () => settings.get().keepsHistory,
    database: openSessionDatabase(),
    tab: tabMemory,
    now: Date.now,
  });
  const recording = createStore<RecordingState>(noRecording);
  const languages = createStore<ServedLanguages>(unknownLanguages);
  const announcements = createStore<readonly Announcement[]>([]);
  const input = createStore<Input>("microphone");
  const dialog = createStore<DialogName>("none");
  let lastFile: File | null = null;
  let abort: () => void = () => undefined;

  const isLive = () => !["idle", "failed"].includes(base.connection.get().phase);
  const isWorking = () => isLive() || isBusy(recording.get());

  /** The name of the speaker of a final that is shown, in the language of the page. */
  function speakerOfFinal(message: ServerMessage): string {
    if (message.type !== "final" || message.speaker == null) return "";
    const texts = textsFor(chooseLocale(settings.get().locale, navigator.languages));
    return speakerName(speakerOf(base.captions.get().labels, message.speaker), texts.speakers.numbered);
  }

  const refreshLanguages = () => void readServedLanguages(server.url).then(languages.set);

  function transcribe(file: File): void {
    if (isWorking()) base.addNotice({ code: "recording_waits", message: "", isError: false });
    else if (server.isOtherHost) recording.set(failed(file.name, problem("recording_elsewhere")));
    else upload(file);
  }

  function upload(file: File): void {
    lastFile = file;
    base.notices.set([]);
    library.startNew(file.name);
    base.captions.update(beginTake);
    const options = sessionOptions(settings.get(), speakers.voices.get());
    abort = uploadRecording(file, endpoint(), options, { onState: showRecording, onLine: applyRecordingLine });
  }

  function showRecording(state: RecordingState): void {
    recording.set(state);
    if (state.phase === "failed") speakers.applyProblem(state.problem);
    if (isBusy(state)) return;
    base.captions.update(interruptOpen);
    library.dropUnusedTitle();
  }

  function applyRecordingLine(line: RecordingLine): void {
    speakers.applyMessage(line);
    // Many utterances are in progress at the same time, and their order on the page would change.
    if (line.type === "recording" || line.type === "speech_started" || line.type === "speech_ended") return;
    base.captions.update((before) => applyEvent(before, line));
    base.notices.update((before) => updateNotices(before, line));
    if (lacksVoiceModel(line)) settings.update((before) => ({ ...before, speakers: false }));
  }

  base.onMessage((message) => {
    announcements.update((before) => announce(before, message, speakerOfFinal(message)));
    speakers.applyMessage(message);
    // Models may have been added while the page was open.
    if (message.type !== "ready") return;
    refreshLanguages();
    speakers.refreshIfUsed();
  });
  base.connection.subscribe(() => {
    const state = base.connection.get();
    if (state.phase === "failed") speakers.applyProblem(state.problem);
  });
  sharing.share.subscribe(base.configure);
  dialog.subscribe(() => {
    if (dialog.get() === "voices") enrolment.open();
    else enrolment.close();
    if (dialog.get() !== "options" && dialog.get() !== "voices") return;
    refreshLanguages();
    void speakers.refresh();
  });
  input.subscribe(() => base.source.set(input.get() === "display" ? { kind: "display" } : null));
  warnBeforeLeaving(isWorking, library.save);
  refreshLanguages();
  speakers.refreshIfUsed();

  return {
    session: {
      ...base,
      start: () => {
        recording.set(noRecording);
        base.start();
      },
      clear: library.clear,
    },
    library,
    recording,
    languages,
    busy: createBusyStatus(base.notices),
    speakers,
    enrolment,
    sharing,
    isElsewhere: server.isOtherHost,
    isLive,
    announcements,
    input,
    dialog,
    edit: (id, spoken, translations) =>
      base.captions.update((before) => editUtterance(before, id, spoken, translations)),
    renameSpeaker: (speaker, name) => base.captions.update((before) => renameSpeaker(before, speaker, name)),
    isWorking,
    transcribe,
    cancelRecording: () => {
      abort();
      showRecording(noRecording);
    },
    retryRecording: () => {
      if (lastFile !== null && !isRecording(base.connection.get())) transcribe(lastFile);
    },
  };
}

/** The browser asks whether to leave. The text is saved in any case. */
function warnBeforeLeaving(isWorking: () => boolean, save: () => void): void {
  window.addEventListener("beforeunload", (event) => {
    if (isWorking()) event.preventDefault();
  });
  window.addEventListener("pagehide", save);
}
