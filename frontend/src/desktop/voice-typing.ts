/** Voice typing: what is said goes into the program that has the focus, and into a bubble until then. */
import type { Bridge } from "./bridge";
import { isRecording, type State } from "../../client/src/session/connection-state";
import { beginDictation, dictate, nothingDictated, type Deed, type Ways } from "../dictation/dictation";
import { parseDictionary } from "../dictation/dictionary";
import type { Settings } from "../settings/settings";
import { wordsOf, type Locale } from "../i18n/texts";
import type { Session } from "../session/session";
import { bubbleOf } from "./overlay-content";

export interface Typist {
  talk: () => void;
  hush: () => void;
  toggle: () => void;
  words: () => ReturnType<typeof wordsOf>["desk"];
}

/** People let the key go while the last sound is still on its way. */
const TAIL_MS = 200;
/** The session waits for the next dictation; then it is closed. */
const LINGER_MS = 10_000;
/** A text that comes later than this behind the last one does not join it. */
const JOINS_WITHIN_MS = 60_000;
/** How long the bubble shows what was typed, or what is the matter. */
const GLANCE_MS = 1_500;
const READ_MS = 7_000;

/** What was said is still to be sent, or its words are awaited. */
const ON_THE_WAY: ReadonlySet<State["phase"]> = new Set(["connecting", "waiting", "finishing"]);

export function typist(nova: Bridge, session: Session, locale: () => Locale): Typist {
  let dictation = nothingDictated;
  let typedAt = -Infinity;
  let isSeen = false;
  let drawn = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  let hiding: ReturnType<typeof setTimeout> | undefined;

  const words = () => wordsOf(locale()).desk;
  const isTyping = () => session.settings.get().mode === "dictation";
  const isTalking = () => isRecording(session.connection.get()) && !session.isPaused.get();

  function talk(): void {
    clearTimeout(timer);
    isSeen = true;
    if (!isRecording(session.connection.get())) session.start();
    else if (session.isPaused.get()) session.goOn();
    draw();
  }

  function hush(): void {
    clearTimeout(timer);
    timer = setTimeout(() => {
      session.pause();
      timer = setTimeout(leave, LINGER_MS);
    }, TAIL_MS);
  }

  /** Not while the server is away: what was said is still to be sent. */
  function leave(): void {
    if (!session.isPaused.get()) return;
    if (session.connection.get().phase === "listening") session.stop();
    else timer = setTimeout(leave, LINGER_MS);
  }

  function act(deed: Deed): void {
    switch (deed.kind) {
      case "type":
        typedAt = performance.now();
        isSeen = true;
        void nova.type(deed.text).then((typed) => {
          if (!typed.ok) session.note({ code: "not_typed", message: words().notTyped(typed.problem), isError: true });
        });
        break;
      case "stop":
        hush();
        break;
      case "too_late":
        session.note({ code: "too_late", message: words().tooLate, isError: false });
    }
  }

  session.onMessage((message) => {
    if (!isTyping()) return;
    const step = dictate(dictation, message, waysOf(session.settings.get()));
    dictation = step.dictation;
    step.deeds.forEach(act);
  });

  let phase = session.connection.get().phase;
  session.connection.subscribe(() => {
    const before = phase;
    phase = session.connection.get().phase;
    if (phase === "opening" && before !== phase)
      dictation = beginDictation(dictation, performance.now() - typedAt < JOINS_WITHIN_MS);
    if (phase === "failed") isSeen = isTyping();
    draw();
  });
  for (const store of [session.captions, session.level, session.isPaused, session.settings]) store.subscribe(draw);

  function draw(): void {
    if (!isTyping()) {
      isSeen = false;
      tell(null);
      return;
    }
    const state = session.connection.get();
    const { take, utterances } = session.captions.get();
    const last = utterances.at(-1);
    const isOver = !isTalking() && last?.state !== "speaking" && !ON_THE_WAY.has(state.phase);
    const isOfNow = last?.take === take && (last.state === "speaking" || !isTalking());
    if (!isOver) stay();
    else if (isSeen) hiding ??= setTimeout(hide, state.phase === "failed" ? READ_MS : GLANCE_MS);
    const bubble = bubbleOf(state, isTalking(), isOfNow ? last : undefined, session.level.get(), locale());
    tell(isSeen ? JSON.stringify(bubble) : null);
  }

  function stay(): void {
    clearTimeout(hiding);
    hiding = undefined;
  }

  function hide(): void {
    hiding = undefined;
    isSeen = false;
    tell(null);
  }

  function tell(picture: string | null): void {
    if ((picture ?? "") === drawn) return;
    drawn = picture ?? "";
    nova.show("bubble", picture);
  }

  return {
    talk,
    hush,
    toggle: () => {
      if (isTalking()) hush();
      else talk();
    },
    words,
  };
}

function waysOf(settings: Settings): Ways {
  const { typesWhileSpeaking, typesTranslation, target, dictionary, hasCommands, commands } = settings;
  return {
    whileSpeaking: typesWhileSpeaking,
    translation: typesTranslation ? target : "",
    dictionary: parseDictionary(dictionary),
    commands: hasCommands ? commands : {},
  };
}
