/** The desktop client's main window: one session, used for voice typing or for subtitles. */
import { serverProblem } from "../../client/src/session/connection";
import { problem } from "../../client/src/protocol/problems";
import { isRecording } from "../../client/src/session/connection-state";
import { chooseLocale, textsFor } from "../i18n/texts";
import { probeServer, type ProbeResult } from "../server/probe";
import { createSession, type Session } from "../session/session";
import { createStore, type Store } from "../session/store";
import { createSessionSpeakers, type SessionSpeakers } from "../speakers/session-speakers";
import { parseSettings, toShellSettings, type Settings } from "../settings/settings";
import { saveSession, type History } from "../transcript/history";
import type { DesktopEnvironment, ServerState, ShellBridge, UserAction } from "./bridge";
import { readHistory, writeHistory } from "./history-storage";
import type { DialogName, Shareable } from "../page/page";
import { createSharing } from "../page/sharing/sharing";
import { createMicrophoneCheck, type MicrophoneCheck } from "./microphone-check";
import { createSubtitleDisplay } from "./subtitle-display";
import { createVoiceTyping } from "./voice-typing";

export type Tab = "speak" | "history" | "settings";

export interface Desktop extends Shareable {
  readonly shell: ShellBridge;
  readonly environment: DesktopEnvironment;
  /** In voice typing, its `start` and `stop` resume and pause. */
  readonly session: Session;
  /** The server that the shell runs on this computer. */
  readonly server: Store<ServerState>;
  /** Result of the last check of the server; null during a check. */
  readonly health: Store<ProbeResult | null>;
  readonly hasKey: Store<boolean>;
  /** Why the key could not be stored; "" for no problem. */
  readonly keyProblem: Store<string>;
  readonly history: Store<History>;
  readonly tab: Store<Tab>;
  readonly microphoneCheck: MicrophoneCheck;
  readonly speakers: SessionSpeakers;
  checkServer: () => void;
  saveKey: (key: string | null) => void;
  /** Deletes the session that started at this time; null deletes all. */
  deleteHistory: (at: number | null) => void;
}

// After a pause of this length, the next speech becomes a session of its own in the history.
const NEW_SESSION_AFTER_MS = 10 * 60_000;
const CHECK_INTERVAL_MS = 60_000;
// Delays saving, so that not every letter typed into a field is written to disk.
const SAVE_DELAY_MS = 250;

export async function createDesktop(shell: ShellBridge): Promise<Desktop> {
  const environment = await shell.environment();
  const settings = createStore(parseSettings(environment.settings));
  const server = createStore<ServerState>({ phase: "off" });
  const health = createStore<ProbeResult | null>(null);
  const hasKey = createStore(environment.hasKey);
  const keyProblem = createStore("");
  const tab = createStore<Tab>("speak");
  const history = createStore(readHistory(localStorage));
  const endpoint = () => shell.server().then(({ url, key }) => ({ url, key: key ?? "" }));
  const speakers = createSessionSpeakers(settings, () => shell.voices().catch(() => []));
  const sharing = createSharing(shell.roomRequest, endpoint, Date.now);
  const dialog = createStore<DialogName>("none");
  // Text that is typed into other programs is not for readers.
  const room = () => (settings.get().mode === "captions" ? (sharing.share.get()?.room ?? "") : "");
  const base = createSession({ settings, server: endpoint, remoteHost: "", voices: speakers.voices.get, room });
  sharing.share.subscribe(base.configure);
  let sessionAt = 0;
  let lastTextAt = -Infinity;

  const locale = () => chooseLocale(settings.get().locale, navigator.languages);
  const voiceTyping = createVoiceTyping(shell, base, locale);
  const subtitles = createSubtitleDisplay(shell, base, locale);
  const isVoiceTyping = () => settings.get().mode === "dictation";

  const session: Session = {
    ...base,
    start: () => {
      clearAfterPause();
      if (isVoiceTyping()) voiceTyping.start();
      else base.start();
    },
    stop: () => {
      if (isVoiceTyping()) voiceTyping.stop();
      else base.stop();
    },
    clear: () => {
      base.clear();
      sessionAt = 0;
    },
    updateSettings: (changes) => {
      if ("mode" in changes && changes.mode !== settings.get().mode && isRecording(base.connection.get())) base.stop();
      base.updateSettings(changes);
    },
  };

  function clearAfterPause(): void {
    if (performance.now() - lastTextAt > NEW_SESSION_AFTER_MS) session.clear();
  }

  base.onMessage((message) => {
    speakers.applyMessage(message);
    if (message.type === "ready") speakers.refreshIfUsed();
    if (message.type !== "final" && message.type !== "translation") return;
    lastTextAt = performance.now();
    if (!settings.get().keepsHistory || message.text === "") return;
    sessionAt ||= Date.now();
    setHistory(saveSession(history.get(), sessionAt, base.captions.get()));
  });

  function setHistory(after: History): void {
    writeHistory(localStorage, history.get(), after);
    history.set(after);
  }

  function checkServer(): void {
    health.set(null);
    void saveSettings()
      .then(endpoint)
      .then(({ url, key }) => probeServer(url, key))
      .catch((error: unknown) => ({ problem: serverProblem(error) }))
      .then(health.set);
  }

  const actions: Record<UserAction, () => void> = {
    hold: () => inVoiceTyping(voiceTyping.start),
    release: voiceTyping.stop,
    toggle: () => inVoiceTyping(voiceTyping.toggle),
    subtitles: () => {
      const isOn = !isVoiceTyping() && isRecording(base.connection.get());
      session.updateSettings({ mode: "captions" });
      if (isOn) session.stop();
      else session.start();
    },
    settings: () => tab.set("settings"),
    quit: base.stop,
  };

  /** Running subtitles must not be typed into the focused program, so they have to be stopped first. */
  function inVoiceTyping(act: () => void): void {
    if (!isVoiceTyping() && isRecording(base.connection.get())) {
      base.addNotice({ code: "busy", message: textsFor(locale()).desktop.busy, isError: false });
      return;
    }
    if (!isVoiceTyping()) session.updateSettings({ mode: "dictation" });
    clearAfterPause();
    act();
  }

  let before = settings.get();
  let saveTimer: ReturnType<typeof setTimeout> | undefined;
  settings.subscribe(() => {
    const after = settings.get();
    updateMicrophoneReadiness(before, after);
    before = after;
    clearTimeout(saveTimer);
    saveTimer = setTimeout(() => void saveSettings(), SAVE_DELAY_MS);
  });

  function saveSettings(): Promise<void> {
    clearTimeout(saveTimer);
    return shell.saveSettings(toShellSettings(settings.get(), screen));
  }

  function updateMicrophoneReadiness(from: Settings | null, to: Settings): void {
    const isReady = ({ isReady, mode, isSetUp }: Settings) => isReady && isSetUp && mode === "dictation";
    if (from === null || isReady(from) !== isReady(to) || from.microphone !== to.microphone)
      base.keepMicrophoneReady(isReady(to));
  }

  shell.onUserAction((action) => actions[action]());
  shell.onServerState((state) => {
    server.set(state);
    if (state.phase === "running") {
      checkServer();
      speakers.refreshIfUsed();
    }
    if (state.phase === "failed") health.set({ problem: problem("server_failed", state.problem) });
  });
  shell.onOverlayMoved(({ at }) => {
    if (at === null) return;
    settings.update((old) => ({ ...old, subtitles: { ...old.subtitles, ...at, position: "free" } }));
  });
  base.connection.subscribe(() => {
    const state = base.connection.get();
    if (state.phase === "listening") health.set({ ms: base.responseMs.get() });
    if (state.phase !== "failed") return;
    health.set({ problem: state.problem });
    speakers.applyProblem(state.problem);
  });
  setInterval(() => {
    const isIdle = base.connection.get().phase === "idle";
    if (isIdle && document.visibilityState === "visible" && settings.get().isSetUp) checkServer();
  }, CHECK_INTERVAL_MS);
  subtitles.draw();
  updateMicrophoneReadiness(null, before);
  await saveSettings();
  if (before.isSetUp) checkServer();
  if (before.isSetUp) speakers.refreshIfUsed();

  return {
    shell,
    environment,
    session,
    server,
    health,
    hasKey,
    keyProblem,
    history,
    tab,
    speakers,
    sharing,
    dialog,
    isElsewhere: false,
    isLive: () => !isVoiceTyping() && isRecording(base.connection.get()),
    microphoneCheck: createMicrophoneCheck(settings, base.refreshMicrophones),
    checkServer,
    saveKey: (key) => {
      shell.saveKey(key).then(
        () => {
          keyProblem.set("");
          hasKey.set(key !== null);
          checkServer();
        },
        (error: unknown) => keyProblem.set(error instanceof Error ? error.message : String(error)),
      );
    },
    deleteHistory: (at) => {
      if (at === sessionAt || at === null) session.clear();
      setHistory(at === null ? [] : history.get().filter((other) => other.at !== at));
    },
  };
}
