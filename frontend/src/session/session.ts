/** A person's session: the state machine's effects carried out on the sound and the socket. */
import { Ear, whyClosed } from "../capture/audio-input";
import { listMicrophones, watchMicrophones } from "../capture/capture";
import type { Source } from "../capture/sources";
import { SAMPLE_RATE } from "../../client/src/audio/resampler";
import { begin, clear, fold, interrupt, noCaptions, type Captions } from "../transcript/captions";
import { idle, isEnding, isRecording, patienceMs, step, type Effect, type Input, type State } from "../../client/src/session/connection-state";
import { noted, withNote, type Note, type Notes } from "./notices";
import { problem, type Problem } from "../../client/src/protocol/problems";
import type { ServerMessage, Start } from "../../client/src/protocol/messages";
import { optionsOf, type Settings } from "../settings/settings";
import { attentive, isStalled, lessAttentive, sounded } from "./stall-detector";
import { createStore, type Store } from "./store";
import { Stream } from "../../client/src/session/resumable-socket";

/** What a session is told of the world. */
export interface World {
  readonly settings: Store<Settings>;
  /** The stream's address, and the key to be let in with; may wait for a server that is being started. */
  readonly server: () => Promise<Server>;
  /** The server's host, where the sound goes elsewhere than where the page came from; "" otherwise. */
  readonly elsewhere: string;
}

export interface Server {
  readonly url: string;
  readonly key: string;
}

export interface Session {
  readonly elsewhere: string;
  readonly connection: Store<State>;
  readonly captions: Store<Captions>;
  readonly notes: Store<Notes>;
  readonly settings: Store<Settings>;
  readonly microphones: Store<readonly MediaDeviceInfo[]>;
  /** What is heard; null: the chosen microphone. */
  readonly source: Store<Source | null>;
  /** Loudness of the last 90 ms, 0 to 1. */
  readonly level: Store<number>;
  /** Whether what is said is not heard, although the session is open. */
  readonly isPaused: Store<boolean>;
  /** In how many ms the server answered last; 0: not yet. */
  readonly answeredMs: Store<number>;
  /** While the last words are awaited: as soon as they are there. */
  start: () => void;
  /** Ends the audio and waits for the last words; a second time, waits no more. */
  stop: () => void;
  /** Ends the utterance now and hears nothing, until `goOn`. */
  pause: () => void;
  goOn: () => void;
  /** Whether the microphone is to be open before `start`. */
  stayReady: (isReady: boolean) => void;
  /** Looks anew which microphones there are: only who may use one is told their names. */
  look: () => void;
  clear: () => void;
  note: (note: Note) => void;
  dismiss: (code: string) => void;
  /** Takes effect at once, also in mid-stream. */
  choose: (choice: Partial<Settings>) => void;
  /** Calls `listener` with all that the server says, until the function it returns is called. */
  onMessage: (listener: (message: ServerMessage) => void) => () => void;
}

/** Everything that is heard and said, behind stores and verbs; the view only draws it. */
export function createSession({ settings, server, elsewhere }: World): Session {
  const connection = createStore<State>(idle);
  const captions = createStore(noCaptions);
  const notes = createStore<Notes>([]);
  const microphones = createStore<readonly MediaDeviceInfo[]>([]);
  const source = createStore<Source | null>(null);
  const level = createStore(0);
  const isPaused = createStore(false);
  const answeredMs = createStore(0);
  const listeners = new Set<(message: ServerMessage) => void>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let silence = attentive;
  let askedAt = 0;
  let heardNow: number[] = [];
  let isAgain = false;
  /** Each way to a server has a number, so that one that is found late is not gone. */
  let way = 0;

  const ear = new Ear({
    onFrame: (pcm, loudness) => {
      meter(loudness);
      stream.send(pcm);
      missServer(loudness, (1_000 * pcm.length) / SAMPLE_RATE);
    },
    onEnd: (why) => {
      if (why !== null) note({ code: why.code, message: why.message, isError: true });
      dispatch({ type: "stop" });
    },
  });

  const stream = new Stream({
    onMessage: (message) => {
      if (message.type === "ready") answeredMs.set(Math.round(performance.now() - askedAt));
      silence = message.type === "ready" ? { ...silence, soundMs: 0 } : attentive;
      captions.update((before) => fold(before, message));
      notes.update((before) => noted(before, message));
      dispatch({ type: "message", message });
      for (const listener of listeners) listener(message);
    },
    onClosed: (code) => {
      dispatch({ type: "closed", code });
    },
  });

  /** The loudest of three frames: ten times a second is as often as a meter need move. */
  function meter(loudness: number): void {
    heardNow.push(loudness);
    if (heardNow.length < 3) return;
    level.set(Math.round(50 * Math.max(...heardNow)) / 50);
    heardNow = [];
  }

  function missServer(loudness: number, ms: number): void {
    if (connection.get().phase !== "listening") return;
    silence = sounded(silence, loudness, ms);
    if (!isStalled(silence)) return;
    silence = lessAttentive(silence);
    dispatch({ type: "closed", code: 1006 });
  }

  function dispatch(input: Input): void {
    const before = connection.get();
    const { state, effects } = step(before, input, performance.now());
    if (state.phase !== before.phase) arm(state);
    if (state.phase === "idle" || state.phase === "failed") captions.update(interrupt);
    connection.set(state);
    for (const effect of effects) perform[effect]();
    if (state.phase !== "idle" || !isAgain) return;
    isAgain = false;
    dispatch({ type: "start" });
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
      silence = attentive;
      isPaused.set(false);
      void openChosen();
    },
    end_audio: () => {
      void ear.close().then((isLast) => {
        level.set(0);
        if (isLast) stream.send({ type: "stop" });
      });
    },
    drop_audio: () => {
      ear.drop();
      level.set(0);
      stream.drop();
    },
    start_session: () => {
      reach(({ url, key }) => {
        stream.start(url, opening(settings.get()), key);
      });
    },
    resume_session: () => {
      reach(({ url, key }) => {
        stream.resume(url, key);
      });
    },
    flush: () => {
      stream.flush({ type: "configure", ...optionsOf(settings.get()) });
    },
    close_socket: () => {
      way += 1;
      stream.close();
    },
  };

  function reach(go: (where: Server) => void): void {
    const mine = ++way;
    askedAt = performance.now();
    server().then((where) => {
      if (way === mine) go(where);
    }, failed);
  }

  function failed(error: unknown): void {
    const why: Problem = problem("server_failed", error instanceof Error ? error.message : undefined);
    dispatch({ type: "failed", why });
  }

  const heard = (): Source => source.get() ?? { kind: "microphone", deviceId: settings.get().microphone };

  /** The server is waited for as well: until it is there, what is said is kept. */
  async function openChosen(): Promise<void> {
    try {
      await ear.open(heard());
    } catch (error) {
      dispatch({ type: "failed", why: whyClosed(error) });
      return;
    }
    void refreshMicrophones();
    if (connection.get().phase !== "opening") return;
    await server().then(() => {
      dispatch({ type: "microphone_opened" });
    }, failed);
  }

  async function refreshMicrophones(): Promise<void> {
    microphones.set(await listMicrophones());
  }

  function note(one: Note): void {
    notes.update((before) => withNote(before, one));
  }

  void refreshMicrophones();
  watchMicrophones(() => void refreshMicrophones());

  return {
    elsewhere,
    connection,
    captions,
    notes,
    settings,
    microphones,
    source,
    level,
    isPaused,
    answeredMs,
    start: () => {
      isAgain = isEnding(connection.get());
      if (!isAgain) dispatch({ type: "start" });
    },
    stop: () => {
      isAgain = false;
      dispatch({ type: "stop" });
    },
    pause: () => {
      if (!isRecording(connection.get()) || isPaused.get()) return;
      isPaused.set(true);
      ear.pause();
      level.set(0);
      stream.send({ type: "finalize" });
    },
    goOn: () => {
      isPaused.set(false);
      void ear.open(heard()).catch((error: unknown) => {
        dispatch({ type: "failed", why: whyClosed(error) });
      });
    },
    stayReady: (isReady) => {
      ear.stayReady(isReady ? { kind: "microphone", deviceId: settings.get().microphone } : null);
    },
    look: () => void refreshMicrophones(),
    clear: () => {
      captions.update(clear);
    },
    note,
    dismiss: (code) => {
      notes.update((before) => before.filter((other) => other.code !== code));
    },
    choose: (choice) => {
      settings.update((before) => ({ ...before, ...choice }));
      if (!isRecording(connection.get())) return;
      if ("microphone" in choice) void ear.close().then(openChosen);
      else stream.configure({ type: "configure", ...optionsOf(settings.get()) });
    },
    onMessage: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function opening(settings: Settings): Start {
  const audio = { encoding: "pcm_s16le", sample_rate: SAMPLE_RATE, channels: 1 } as const;
  return { type: "start", audio, ...optionsOf(settings) };
}
