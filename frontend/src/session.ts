/** A reader's session: the state machine's effects carried out on the microphone and the socket. */
import { listMicrophones, MicrophoneError, openMicrophone, watchMicrophones, type Microphone } from "./capture/microphone";
import { SAMPLE_RATE } from "./core/audio";
import { begin, clear, fold, interrupt, noCaptions, type Captions } from "./core/captions";
import { idle, isRecording, patienceMs, step, type Effect, type Input, type State } from "./core/connection";
import { noted, withNote, type Notes } from "./core/notes";
import { problem } from "./core/problems";
import type { Configure, Start } from "./core/protocol";
import { createStore, type Store } from "./core/store";
import { serverAddress, type ServerAddress } from "./net/address";
import { Stream } from "./net/stream";
import { keptSettings, type Settings } from "./settings";

export interface Session {
  readonly server: ServerAddress;
  readonly connection: Store<State>;
  readonly captions: Store<Captions>;
  readonly notes: Store<Notes>;
  readonly settings: Store<Settings>;
  readonly microphones: Store<readonly MediaDeviceInfo[]>;
  /** Loudness of the last 30 ms, 0 to 1. */
  readonly level: Store<number>;
  start: () => void;
  /** Ends the audio and waits for the last words; a second time, waits no more. */
  stop: () => void;
  clear: () => void;
  dismiss: (code: string) => void;
  /** Takes effect at once, also in mid-stream. */
  choose: (choice: Partial<Settings>) => void;
}

/** Everything the page does, behind stores and verbs; the view only draws it. */
export function createSession(): Session {
  const server = serverAddress(location);
  const connection = createStore<State>(idle);
  const captions = createStore(noCaptions);
  const notes = createStore<Notes>([]);
  const settings = keptSettings();
  const microphones = createStore<readonly MediaDeviceInfo[]>([]);
  const level = createStore(0);
  let microphone: Promise<Microphone> | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const stream = new Stream({
    onMessage: (message) => {
      captions.update((before) => fold(before, message));
      notes.update((before) => noted(before, message));
      dispatch({ type: "message", message });
    },
    onClosed: (code) => {
      dispatch({ type: "closed", code });
    },
  });

  function dispatch(input: Input): void {
    const before = connection.get();
    const { state, effects } = step(before, input, performance.now());
    if (state.phase !== before.phase) arm(state);
    if (state.phase === "idle" || state.phase === "failed") captions.update(interrupt);
    connection.set(state);
    for (const effect of effects) perform[effect]();
  }

  function arm(state: State): void {
    clearTimeout(timer);
    const patience = patienceMs(state, Math.random());
    if (patience !== null) timer = setTimeout(dispatch, patience, { type: "timeout" });
  }

  const perform: Record<Effect, () => void> = {
    open_microphone: () => {
      notes.set([]);
      captions.update(begin);
      void openChosen();
    },
    end_audio: () => {
      void closeMicrophone().then((isLast) => {
        if (isLast) stream.send({ type: "stop" });
      });
    },
    drop_audio: () => {
      const dropped = microphone;
      microphone = null;
      level.set(0);
      stream.drop();
      void dropped?.then((opened) => opened.close()).catch(() => undefined);
    },
    start_session: () => {
      stream.start(server.url, opening(settings.get()));
    },
    resume_session: () => {
      stream.resume(server.url);
    },
    flush: () => {
      stream.flush(configuration(settings.get()));
    },
    close_socket: () => {
      stream.close();
    },
  };

  async function openChosen(): Promise<void> {
    const opened = openMicrophone(settings.get().microphone, {
      onFrame: (pcm, loudness) => {
        if (microphone !== opened) return;
        level.set(loudness);
        stream.send(pcm);
      },
      onLost: () => {
        if (microphone !== opened) return;
        const lost = { code: "microphone_lost", message: problem("microphone_lost").message, isError: true };
        notes.update((before) => withNote(before, lost));
        dispatch({ type: "stop" });
      },
    });
    microphone = opened;
    try {
      await opened;
      void refreshMicrophones();
      if (microphone === opened) dispatch({ type: "microphone_opened" });
    } catch (error) {
      if (microphone !== opened) return;
      microphone = null;
      const why = error instanceof MicrophoneError ? error.problem : problem("audio_failed");
      dispatch({ type: "failed", why });
    }
  }

  /** Resolves when the last frame is on its way, to false when the session was dropped meanwhile. */
  async function closeMicrophone(): Promise<boolean> {
    const closing = microphone;
    await closing?.then((opened) => opened.close()).catch(() => undefined);
    if (microphone !== closing) return false;
    microphone = null;
    level.set(0);
    return true;
  }

  async function refreshMicrophones(): Promise<void> {
    microphones.set(await listMicrophones());
  }

  void refreshMicrophones();
  watchMicrophones(() => void refreshMicrophones());

  return {
    server,
    connection,
    captions,
    notes,
    settings,
    microphones,
    level,
    start: () => {
      dispatch({ type: "start" });
    },
    stop: () => {
      dispatch({ type: "stop" });
    },
    clear: () => {
      captions.update(clear);
    },
    dismiss: (code) => {
      notes.update((before) => before.filter((other) => other.code !== code));
    },
    choose: (choice) => {
      settings.update((before) => ({ ...before, ...choice }));
      if (!isRecording(connection.get())) return;
      if ("microphone" in choice) void closeMicrophone().then(openChosen);
      else stream.configure(configuration(settings.get()));
    },
  };
}

function opening(settings: Settings): Start {
  const audio = { encoding: "pcm_s16le", sample_rate: SAMPLE_RATE, channels: 1 } as const;
  return { type: "start", audio, mode: "captions", ...languages(settings) };
}

const configuration = (settings: Settings): Configure => ({ type: "configure", ...languages(settings) });

const languages = ({ language, target }: Settings) => ({ language, translate_to: target === "" ? [] : [target] });
