/** The sessions of this browser: the one that the page shows, and earlier ones. */
import { createStore, type Store } from "../../session/store";
import {
  clearFinished,
  emptyCaptions,
  finishedUtterances,
  interruptOpen,
  restoreUtterances,
  type Captions,
  type Utterance,
} from "../../transcript/captions";
import { renameSession, saveSession, toCaptions, type History, type HistoryLimits } from "../../transcript/history";
import type { SessionDatabase } from "./session-database";

/** `at` identifies the session; 0 until it has text. */
export interface CurrentSession {
  readonly at: number;
  readonly title: string;
}

/** The parts of the page that the library uses. */
export interface LibraryDependencies {
  readonly captions: Store<Captions>;
  /** Whether sessions are kept. */
  readonly isKeeping: () => boolean;
  readonly database: Promise<SessionDatabase>;
  /** Remembers across a reload which session this tab shows. */
  readonly tab: { readonly get: () => number; readonly set: (at: number) => void };
  readonly now: () => number;
}

export interface Library {
  readonly history: Store<History>;
  readonly current: Store<CurrentSession>;
  /** Whether sessions last longer than the page. null: not known yet. */
  readonly isStored: Store<boolean | null>;
  readonly canUndoClear: Store<boolean>;
  /** Resolves when the stored sessions have been read. */
  readonly loaded: Promise<void>;
  readonly open: (at: number) => void;
  readonly startNew: (title?: string) => void;
  readonly rename: (at: number, title: string) => void;
  readonly remove: (at: number) => void;
  /** Removes the finished text of the current session. */
  readonly clear: () => void;
  readonly undoClear: () => void;
  /** Saves the current session immediately. */
  readonly save: () => void;
}

// Much smaller than what browsers grant to a page, and still some hundred hours of speech.
const LIMITS: HistoryLimits = { sessions: 1_000, characters: 20_000_000 };
// An open utterance changes several times a second.
const OPEN_DELAY_MS = 1_000;
const SAVE_DELAY_MS = 50;

const nothing: CurrentSession = { at: 0, title: "" };

export function createLibrary({ captions, isKeeping, database, tab, now }: LibraryDependencies): Library {
  const history = createStore<History>([]);
  const current = createStore<CurrentSession>(nothing);
  const isStored = createStore<boolean | null>(null);
  const canUndoClear = createStore(false);
  let removed: readonly Utterance[] = [];
  let finishedCount = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let storage: SessionDatabase | null = null;

  const loaded = database.then(load).catch(() => isStored.set(false));

  /** Sessions that were saved while the stored ones were read are kept. */
  async function load(opened: SessionDatabase): Promise<void> {
    const stored = await opened.readAll();
    storage = opened;
    const added = history.get();
    history.set([...added, ...stored.filter(({ at }) => !added.some((other) => other.at === at))]);
    opened.write(stored, history.get());
    isStored.set(true);
    if (captions.get().utterances.length === 0 && tab.get() !== 0) open(tab.get());
  }

  function setHistory(after: History): void {
    storage?.write(history.get(), after);
    history.set(after);
  }

  function setCurrent(next: CurrentSession): void {
    tab.set(next.at);
    current.set(next);
  }

  function forgetCleared(): void {
    removed = [];
    canUndoClear.set(false);
  }

  function open(at: number): void {
    const session = history.get().find((other) => other.at === at);
    if (session === undefined) return;
    save();
    show(toCaptions(session), { at, title: session.title ?? "" });
  }

  function show(shown: Captions, session: CurrentSession): void {
    clearTimeout(timer);
    forgetCleared();
    setCurrent(session);
    finishedCount = finishedUtterances(shown).length;
    captions.set(shown);
  }

  /** Words of an open utterance are saved as an interrupted one, as they would be if the page were closed now. */
  function save(): void {
    clearTimeout(timer);
    const shown = interruptOpen(captions.get());
    const isEmpty = finishedUtterances(shown).length === 0;
    if (!isKeeping() || (isEmpty && current.get().at === 0)) return;
    if (current.get().at === 0) setCurrent({ ...current.get(), at: now() });
    const { at, title } = current.get();
    setHistory(saveSession(history.get(), at, shown, LIMITS, title));
  }

  captions.subscribe(() => {
    const shown = captions.get();
    const count = finishedUtterances(shown).length;
    const isSpeaking = interruptOpen(shown) !== shown;
    clearTimeout(timer);
    timer = setTimeout(save, isSpeaking && count === finishedCount ? OPEN_DELAY_MS : SAVE_DELAY_MS);
    finishedCount = count;
  });

  return {
    history,
    current,
    isStored,
    canUndoClear,
    loaded,
    open,
    startNew: (title = "") => {
      save();
      show(emptyCaptions, { at: 0, title });
    },
    rename: (at, title) => {
      if (current.get().at === at) setCurrent({ at, title: title.trim() });
      setHistory(renameSession(history.get(), at, title));
    },
    remove: (at) => {
      if (current.get().at === at) show(emptyCaptions, nothing);
      setHistory(history.get().filter((other) => other.at !== at));
    },
    clear: () => {
      removed = finishedUtterances(captions.get());
      canUndoClear.set(removed.length > 0);
      captions.update(clearFinished);
    },
    undoClear: () => {
      captions.update((shown) => restoreUtterances(shown, removed));
      forgetCleared();
    },
    save,
  };
}
