/** The session that the page shows: microphone, connection and captions, behind stores and commands. */
import type { ServerMessage } from "../../client/src/protocol/messages";
import { Connection, serverProblem, type ServerEndpoint } from "../../client/src/session/connection";
import { idle, isRecording, type ConnectionState } from "../../client/src/session/connection-state";
import { AudioInput, captureProblem } from "../capture/audio-input";
import { listMicrophones, watchMicrophones } from "../capture/microphones";
import type { AudioSource } from "../capture/sources";
import { sessionOptions, type Settings } from "../settings/settings";
import { applyEvent, beginTake, clearFinished, emptyCaptions, interruptOpen } from "../transcript/captions";
import type { Captions } from "../transcript/captions";
import { createLevelMeter } from "./level-meter";
import { addNotice, lacksVoiceModel, updateNotices, type StatusNotice, type StatusNotices } from "./notices";
import { createStore, type Store } from "./store";

export interface SessionDependencies {
  readonly settings: Store<Settings>;
  /** Where to connect; may wait for a server that is starting. */
  readonly server: () => Promise<ServerEndpoint>;
  /** The server's host if it is not the host that served the page; "" otherwise. */
  readonly remoteHost: string;
  /** Names of the enrolled voices that a session may recognize. */
  readonly voices?: () => readonly string[];
  /** Room in which the session is published; "" for none. */
  readonly room?: () => string;
}

export interface Session {
  readonly remoteHost: string;
  readonly connection: Store<ConnectionState>;
  readonly captions: Store<Captions>;
  readonly notices: Store<StatusNotices>;
  readonly settings: Store<Settings>;
  readonly microphones: Store<readonly MediaDeviceInfo[]>;
  /** null for the microphone that the settings name. */
  readonly source: Store<AudioSource | null>;
  /** Loudness of the last 90 ms, 0 to 1. */
  readonly level: Store<number>;
  /** Whether capture is paused while the session stays open. */
  readonly isPaused: Store<boolean>;
  /** How long the server took to accept the last connection, in ms; 0 before the first one. */
  readonly responseMs: Store<number>;
  /** While the last words of a session are awaited, the new one starts as soon as they have arrived. */
  start: () => void;
  /** Ends the audio and waits for the last words. A second call does not wait. */
  stop: () => void;
  /** Ends the utterance now and stops capture until `resume`. */
  pause: () => void;
  resume: () => void;
  /** Whether the microphone stays open between sessions. */
  keepMicrophoneReady: (isReady: boolean) => void;
  /** Lists the microphones again. Their names are available only after one of them was opened. */
  refreshMicrophones: () => void;
  /** Removes finished utterances. */
  clear: () => void;
  addNotice: (notice: StatusNotice) => void;
  dismissNotice: (code: string) => void;
  /** Sends options that have changed outside the settings to the session in progress. */
  configure: () => void;
  /** Takes effect immediately, also during a session. */
  updateSettings: (changes: Partial<Settings>) => void;
  /** Calls `listener` for each message from the server. Returns a function that unsubscribes. */
  onMessage: (listener: (message: ServerMessage) => void) => () => void;
}

export function createSession({ settings, server, remoteHost, voices, room }: SessionDependencies): Session {
  const connection = createStore<ConnectionState>(idle);
  const captions = createStore(emptyCaptions);
  const notices = createStore<StatusNotices>([]);
  const microphones = createStore<readonly MediaDeviceInfo[]>([]);
  const source = createStore<AudioSource | null>(null);
  const meter = createLevelMeter();
  const isPaused = createStore(false);
  const responseMs = createStore(0);
  // Whether the session in progress has had a room.
  let wasPublished = false;
  const listeners = new Set<(message: ServerMessage) => void>();

  const input = new AudioInput({
    onFrame: (pcm, loudness) => {
      meter.add(loudness);
      link.sendAudio(pcm, loudness);
    },
    onEnd: (reason) => {
      if (reason !== null) showNotice({ code: reason.code, message: reason.message, isError: true });
      link.stop();
    },
  });

  const link = new Connection({
    server,
    options: () => ({ ...sessionOptions(settings.get(), voices?.()), ...roomOption() }),
    openAudio: () => {
      wasPublished = false;
      notices.set([]);
      captions.update(beginTake);
      isPaused.set(false);
      void openSource();
    },
    endAudio: async () => {
      const isLast = await input.close();
      meter.reset();
      return isLast;
    },
    dropAudio: () => {
      input.drop();
      meter.reset();
    },
    onState: (state) => {
      if (state.phase === "idle" || state.phase === "failed") captions.update(interruptOpen);
      connection.set(state);
    },
    onMessage: (message) => {
      if (message.type === "ready") responseMs.set(link.attemptMs);
      captions.update((before) => applyEvent(before, message));
      notices.update((before) => updateNotices(before, message));
      if (lacksVoiceModel(message)) settings.update((before) => ({ ...before, speakers: false }));
      for (const listener of listeners) listener(message);
    },
  });

  /** Also sent after the room was closed. Otherwise it is left out: earlier servers do not know an empty one. */
  function roomOption(): { room?: string } {
    const name = room?.() ?? "";
    wasPublished ||= name !== "";
    return wasPublished ? { room: name } : {};
  }

  const configuredMicrophone = (): AudioSource => ({ kind: "microphone", deviceId: settings.get().microphone });
  const chosenSource = (): AudioSource => source.get() ?? configuredMicrophone();

  /** Also waits for the server: until it is available, the audio is kept. */
  async function openSource(): Promise<void> {
    try {
      await input.open(chosenSource());
    } catch (error) {
      link.fail(captureProblem(error));
      return;
    }
    void refreshMicrophones();
    if (link.state.phase !== "opening") return;
    await server().then(
      () => link.audioOpened(),
      (error: unknown) => link.fail(serverProblem(error)),
    );
  }

  async function refreshMicrophones(): Promise<void> {
    microphones.set(await listMicrophones());
  }

  function showNotice(notice: StatusNotice): void {
    notices.update((before) => addNotice(before, notice));
  }

  void refreshMicrophones();
  watchMicrophones(() => void refreshMicrophones());

  return {
    remoteHost,
    connection,
    captions,
    notices,
    settings,
    microphones,
    source,
    level: meter.level,
    isPaused,
    responseMs,
    start: () => link.start(),
    stop: () => link.stop(),
    pause: () => {
      if (!isRecording(link.state) || isPaused.get()) return;
      isPaused.set(true);
      input.pause();
      meter.reset();
      link.sendFinalize();
    },
    resume: () => {
      isPaused.set(false);
      void input.open(chosenSource()).catch((error: unknown) => link.fail(captureProblem(error)));
    },
    keepMicrophoneReady: (isReady) => input.keepReady(isReady ? configuredMicrophone() : null),
    refreshMicrophones: () => void refreshMicrophones(),
    clear: () => captions.update(clearFinished),
    addNotice: showNotice,
    dismissNotice: (code) => notices.update((before) => before.filter((other) => other.code !== code)),
    configure: () => {
      if (isRecording(link.state)) link.configure();
    },
    updateSettings: (changes) => {
      settings.update((before) => ({ ...before, ...changes }));
      if (!isRecording(link.state)) return;
      if ("microphone" in changes) void input.close().then(openSource);
      else link.configure();
    },
    onMessage: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
