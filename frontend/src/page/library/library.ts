/** The sessions of this browser: the one that the page shows, and earlier ones. */
import { createStore, type Store } from "../../session/store";
import {
  clearFinished,
  emptyCaptions,
  finishedUtterances,
  interruptOpen,
  restoreUtterances,
  visibleUtterances,
  type Captions,
  type Utterance,
} from "../../transcript/captions";
import { renameSession, saveSession, toCaptions, type History, type HistoryLimits } from "../../transcript/history";
import type { SessionDatabase } from "./session-database";
import { TextToStore } from "./text-to-store";

export interface CurrentSession {
  /** Identifies the session; 0 until it has text. */
  readonly at: number;
  readonly title: string;
  /** Grows whenever another session is shown. `at` also changes when the text of a new session is saved. */
  readonly ordinal: number;
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
  /** Whether sessions last longer than the page. null: not known yet. false as well after a failure. */
  readonly isStored: Store<boolean | null>;
  readonly canUndoClear: Store<boolean>;
  /** Resolves when the stored sessions have been read. */
  readonly loaded: Promise<void>;
  readonly open: (at: number) => void;
  readonly startNew: (title?: string) => void;
  /** Removes the title of the current session if it has no text, so that the next text does not get it. */
  readonly dropUnusedTitle: () => void;
  readonly rename: (at: number, title: string) => void;
  readonly remove: (at: number) => void;
  /** Removes the finished text of the current session. */
  readonly clear: () => void;
  readonly undoClear: () => void;
  /** Saves what this tab changed in the current session immediately. */
  readonly save: () => void;
}

// Much smaller than what browsers grant to a page, and still some hundred hours of speech.
const LIMITS: HistoryLimits = { sessions: 1_000, characters: 20_000_000 };
// An open utterance changes several times a second.
const OPEN_DELAY_MS = 1_000;
const SAVE_DELAY_MS = 50;

const nothing = { at: 0, title: "" };

export function createLibrary({ captions, isKeeping, database, tab, now }: LibraryDependencies): Library {
  const history = createStore<History>([]);
  const current = createStore<CurrentSession>({ ...nothing, ordinal: 0 });
  const isStored = createStore<boolean | null>(null);
  const canUndoClear = createStore(false);
  const text = new TextToStore();
  let removed: readonly Utterance[] = [];
  let finishedCount = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let storage: SessionDatabase | null = null;

  const loaded = database.then(load).catch(() => isStored.set(false));

  /** Sessions that were saved while the stored ones were read are kept. A take that has begun is not interrupted. */
  async function load(opened: SessionDatabase): Promise<void> {
    const stored = await opened.readAll();
    storage = opened;
    const added = history.get();
    history.set([...added, ...stored.filter(({ at }) => !added.some((other) => other.at === at))]);
    isStored.set(true);
    write(stored, history.get());
    void opened.closed.then(stopStoring);
    if (captions.get().take === 0 && tab.get() !== 0) open(tab.get());
  }

  function setHistory(after: History): void {
    const before = history.get();
    history.set(after);
    write(before, after);
  }

  /** The database repeats what it could not write, so that a later success includes it. */
  function write(before: History, after: History): void {
    storage?.write(before, after).then(
      () => isStored.set(storage !== null),
      () => isStored.set(false),
    );
  }

  function stopStoring(): void {
    storage = null;
    isStored.set(false);
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

  function show(shown: Captions, session: Omit<CurrentSession, "ordinal">): void {
    clearTimeout(timer);
    forgetCleared();
    text.reset(shown);
    setCurrent({ ...session, ordinal: current.get().ordinal + 1 });
    finishedCount = finishedUtterances(shown).length;
    captions.set(shown);
  }

  function save(): void {
    clearTimeout(timer);
    const changed = text.takeChanges(captions.get(), isKeeping());
    if (changed === null) return;
    if (current.get().at === 0) setCurrent({ ...current.get(), at: now() });
    const { at, title } = current.get();
    setHistory(saveSession(history.get(), at, changed, LIMITS, title));
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
    dropUnusedTitle: () => {
      const { at, ordinal } = current.get();
      if (at === 0 && visibleUtterances(captions.get()).length === 0) setCurrent({ ...nothing, ordinal });
    },
    rename: (at, title) => {
      if (current.get().at === at) setCurrent({ ...current.get(), title: title.trim() });
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
