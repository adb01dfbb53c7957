/** Voice typing: types speech into the focused program, and shows it in the bubble until then. */
import { isRecording, type ConnectionState } from "../../client/src/session/connection-state";
import { beginDictation, dictate, emptyDictation } from "../dictation/dictation";
import type { DictationOptions, TypingAction } from "../dictation/dictation";
import { parseDictionary } from "../dictation/dictionary";
import { textsFor, type Locale } from "../i18n/texts";
import type { Session } from "../session/session";
import type { Settings } from "../settings/settings";
import type { ShellBridge } from "./bridge";
import { bubbleContent } from "./overlay-content";

export interface VoiceTyping {
  start: () => void;
  stop: () => void;
  toggle: () => void;
}

// Users release the key while the last sound is still being recorded.
const TAIL_MS = 200;
// The session stays open for the next dictation, so that it starts without a delay.
const LINGER_MS = 10_000;
// After a longer pause the cursor has probably moved, so a text is not joined to the previous one.
const JOIN_WITHIN_MS = 60_000;
// How long the bubble shows the typed text, or a problem.
const RESULT_MS = 1_500;
const PROBLEM_MS = 7_000;

// Audio is still to be sent, or its text has not arrived.
const BUSY_PHASES: ReadonlySet<ConnectionState["phase"]> = new Set(["connecting", "waiting", "finishing"]);

export function createVoiceTyping(shell: ShellBridge, session: Session, locale: () => Locale): VoiceTyping {
  let dictation = emptyDictation;
  let typedAt = -Infinity;
  let isBubbleVisible = false;
  let shown = "";
  let stopTimer: ReturnType<typeof setTimeout> | undefined;
  let hideTimer: ReturnType<typeof setTimeout> | undefined;

  const texts = () => textsFor(locale()).desktop;
  const isActive = () => session.settings.get().mode === "dictation";
  const isTalking = () => isRecording(session.connection.get()) && !session.isPaused.get();

  function start(): void {
    clearTimeout(stopTimer);
    isBubbleVisible = true;
    if (!isRecording(session.connection.get())) session.start();
    else if (session.isPaused.get()) session.resume();
    draw();
  }

  function stop(): void {
    clearTimeout(stopTimer);
    stopTimer = setTimeout(() => {
      session.pause();
      stopTimer = setTimeout(closeSession, LINGER_MS);
    }, TAIL_MS);
  }

  /** While the server is away, the session stays open: its audio has not been sent yet. */
  function closeSession(): void {
    if (!session.isPaused.get()) return;
    if (session.connection.get().phase === "listening") session.stop();
    else stopTimer = setTimeout(closeSession, LINGER_MS);
  }

  function perform(action: TypingAction): void {
    switch (action.kind) {
      case "type":
        typedAt = performance.now();
        isBubbleVisible = true;
        void shell.typeText(action.text).then((result) => {
          if (result.ok) return;
          session.addNotice({ code: "not_typed", message: texts().notTyped(result.problem), isError: true });
        });
        break;
      case "stop":
        stop();
        break;
      case "too_late":
        session.addNotice({ code: "too_late", message: texts().tooLate, isError: false });
    }
  }

  session.onMessage((message) => {
    if (!isActive()) return;
    const step = dictate(dictation, message, dictationOptions(session.settings.get()));
    dictation = step.dictation;
    step.actions.forEach(perform);
  });

  let phase = session.connection.get().phase;
  session.connection.subscribe(() => {
    const before = phase;
    phase = session.connection.get().phase;
    if (phase === "opening" && before !== phase)
      dictation = beginDictation(dictation, performance.now() - typedAt < JOIN_WITHIN_MS);
    if (phase === "failed") isBubbleVisible = isActive();
    draw();
  });
  for (const store of [session.captions, session.level, session.isPaused, session.settings]) store.subscribe(draw);

  function draw(): void {
    if (!isActive()) {
      isBubbleVisible = false;
      show(null);
      return;
    }
    const state = session.connection.get();
    const { take, utterances } = session.captions.get();
    const last = utterances.at(-1);
    const isDone = !isTalking() && last?.state !== "speaking" && !BUSY_PHASES.has(state.phase);
    const isCurrent = last?.take === take && (last.state === "speaking" || !isTalking());
    if (!isDone) cancelHide();
    else if (isBubbleVisible) hideTimer ??= setTimeout(hide, state.phase === "failed" ? PROBLEM_MS : RESULT_MS);
    const utterance = isCurrent ? last : undefined;
    const content = bubbleContent(state, isTalking(), utterance, session.level.get(), locale());
    show(isBubbleVisible ? JSON.stringify(content) : null);
  }

  function cancelHide(): void {
    clearTimeout(hideTimer);
    hideTimer = undefined;
  }

  function hide(): void {
    hideTimer = undefined;
    isBubbleVisible = false;
    show(null);
  }

  function show(content: string | null): void {
    if ((content ?? "") === shown) return;
    shown = content ?? "";
    shell.showOverlay("bubble", content);
  }

  return {
    start,
    stop,
    toggle: () => {
      if (isTalking()) stop();
      else start();
    },
  };
}

function dictationOptions(settings: Settings): DictationOptions {
  const { typesWhileSpeaking, typesTranslation, target, dictionary, hasCommands, commands } = settings;
  return {
    whileSpeaking: typesWhileSpeaking,
    translationLanguage: typesTranslation ? target : "",
    dictionary: parseDictionary(dictionary),
    commands: hasCommands ? commands : {},
  };
}
