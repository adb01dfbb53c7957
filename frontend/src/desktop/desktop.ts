/** The desktop client: one session, by which words are typed into other programs or stand over them. */
import type { Bridge, ServerState, Surroundings, Wish } from "./bridge";
import { isRecording } from "../../client/src/session/connection-state";
import { kept, type History } from "../transcript/history";
import { problem } from "../../client/src/protocol/problems";
import { forShell, parseSettings, type Settings } from "../settings/settings";
import { createStore, type Store } from "../session/store";
import { localeOf } from "../i18n/texts";
import { probe, type Answer } from "../server/probe";
import { createSession, type Session } from "../session/session";
import { readHistory, writeHistory } from "./history-storage";
import { captioner } from "./subtitle-display";
import { createTrial, type Trial } from "./microphone-test";
import { typist } from "./voice-typing";

export type Tab = "speak" | "history" | "settings";

export interface Desk {
  readonly nova: Bridge;
  readonly surroundings: Surroundings;
  /** Its `start` and `stop` are the desk's: in voice typing they pause and go on. */
  readonly session: Session;
  /** Of the server that the shell runs. */
  readonly server: Store<ServerState>;
  /** What a server said when it was asked last; null: it is being asked. */
  readonly health: Store<Answer | null>;
  readonly hasKey: Store<boolean>;
  /** Why the key could not be kept; "" where it could. */
  readonly keyProblem: Store<string>;
  readonly history: Store<History>;
  readonly tab: Store<Tab>;
  readonly trial: Trial;
  check: () => void;
  keepKey: (key: string | null) => void;
  /** Deletes a session from the history, by when it began; null: all. */
  forget: (at: number | null) => void;
}

/** After so long without a word, what is said next is a session of its own. */
const APART_MS = 10 * 60_000;
const CHECK_EVERY_MS = 60_000;
/** The shell is not told of every letter that is typed into a field. */
const KEEP_AFTER_MS = 250;

export async function createDesk(nova: Bridge): Promise<Desk> {
  const surroundings = await nova.surroundings();
  const settings = createStore(parseSettings(surroundings.settings));
  const server = createStore<ServerState>({ phase: "off" });
  const health = createStore<Answer | null>(null);
  const hasKey = createStore(surroundings.hasKey);
  const keyProblem = createStore("");
  const tab = createStore<Tab>("speak");
  const history = createStore(readHistory(localStorage));
  const address = () => nova.server().then(({ url, key }) => ({ url, key: key ?? "" }));
  const inner = createSession({ settings, server: address, elsewhere: "" });
  let at = 0;
  let saidAt = -Infinity;

  const locale = () => localeOf(settings.get().locale, navigator.languages);
  const hands = typist(nova, inner, locale);
  const subtitles = captioner(nova, inner, locale);
  const isTyping = () => settings.get().mode === "dictation";

  const session: Session = {
    ...inner,
    start: () => {
      if (performance.now() - saidAt > APART_MS) session.clear();
      if (isTyping()) hands.talk();
      else inner.start();
    },
    stop: () => {
      if (isTyping()) hands.hush();
      else inner.stop();
    },
    clear: () => {
      inner.clear();
      at = 0;
    },
    choose: (choice) => {
      if ("mode" in choice && choice.mode !== settings.get().mode && isRecording(inner.connection.get())) inner.stop();
      inner.choose(choice);
    },
  };

  inner.onMessage((message) => {
    if (message.type !== "final" && message.type !== "translation") return;
    saidAt = performance.now();
    if (!settings.get().keepsHistory || ("text" in message && message.text === "")) return;
    at ||= Date.now();
    keepHistory(kept(history.get(), at, inner.captions.get()));
  });

  function keepHistory(after: History): void {
    writeHistory(localStorage, history.get(), after);
    history.set(after);
  }

  function check(): void {
    health.set(null);
    void keep()
      .then(address)
      .then(({ url, key }) => probe(url, key))
      .catch((error: unknown) => ({
        problem: problem("server_failed", error instanceof Error ? error.message : undefined),
      }))
      .then(health.set);
  }

  const wishes: Record<Wish, () => void> = {
    hold: () => {
      asTyping(hands.talk);
    },
    release: hands.hush,
    toggle: () => {
      asTyping(hands.toggle);
    },
    subtitles: () => {
      const isOn = !isTyping() && isRecording(inner.connection.get());
      session.choose({ mode: "captions" });
      if (isOn) session.stop();
      else session.start();
    },
    settings: () => {
      tab.set("settings");
    },
    quit: inner.stop,
  };

  /** Subtitles that run are not to be typed into whatever has the focus. */
  function asTyping(act: () => void): void {
    if (!isTyping() && isRecording(inner.connection.get())) {
      inner.note({ code: "busy", message: hands.words().busy, isError: false });
      return;
    }
    if (!isTyping()) session.choose({ mode: "dictation" });
    if (performance.now() - saidAt > APART_MS) session.clear();
    act();
  }

  let before = settings.get();
  let keeping: ReturnType<typeof setTimeout> | undefined;
  settings.subscribe(() => {
    const after = settings.get();
    applyReadiness(before, after);
    before = after;
    clearTimeout(keeping);
    keeping = setTimeout(() => void keep(), KEEP_AFTER_MS);
  });

  function keep(): Promise<void> {
    clearTimeout(keeping);
    return nova.keep(forShell(settings.get(), screen));
  }

  function applyReadiness(from: Settings | null, to: Settings): void {
    const isReady = ({ isReady, mode, isSetUp }: Settings) => isReady && isSetUp && mode === "dictation";
    if (from === null || isReady(from) !== isReady(to) || from.microphone !== to.microphone)
      inner.stayReady(isReady(to));
  }

  nova.onWish((wish) => {
    wishes[wish]();
  });
  nova.onServer((state) => {
    server.set(state);
    if (state.phase === "running") check();
    if (state.phase === "failed") health.set({ problem: problem("server_failed", state.problem) });
  });
  nova.onMoved(({ at: place }) => {
    if (place !== null)
      settings.update((old) => ({ ...old, subtitles: { ...old.subtitles, ...place, position: "free" } }));
  });
  inner.connection.subscribe(() => {
    const state = inner.connection.get();
    if (state.phase === "listening") health.set({ ms: inner.answeredMs.get() });
    if (state.phase === "failed") health.set({ problem: state.why });
  });
  setInterval(() => {
    if (inner.connection.get().phase === "idle" && document.visibilityState === "visible" && settings.get().isSetUp)
      check();
  }, CHECK_EVERY_MS);
  subtitles.draw();
  applyReadiness(null, before);
  await keep();
  if (before.isSetUp) check();

  return {
    nova,
    surroundings,
    session,
    server,
    health,
    hasKey,
    keyProblem,
    history,
    tab,
    trial: createTrial(settings, inner.look),
    check,
    keepKey: (key) => {
      nova.keepKey(key).then(
        () => {
          keyProblem.set("");
          hasKey.set(key !== null);
          check();
        },
        (error: unknown) => {
          keyProblem.set(error instanceof Error ? error.message : String(error));
        },
      );
    },
    forget: (which) => {
      if (which === at || which === null) session.clear();
      keepHistory(which === null ? [] : history.get().filter((other) => other.at !== which));
    },
  };
}
