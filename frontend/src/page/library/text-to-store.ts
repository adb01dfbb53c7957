/** Which text of the shown session has to be stored. */
import { finishedUtterances, interruptOpen, type Captions, type Utterance } from "../../transcript/captions";

/**
 * A tab stores only what it changed itself: another tab may have changed or deleted the same session, and this tab has
 * an older copy.
 */
export class TextToStore {
  #stored: readonly Utterance[] = [];
  readonly #knownIds = new Set<string>();

  /** Another session is shown, with the text that is stored. */
  reset(captions: Captions): void {
    this.#knownIds.clear();
    this.#remember(finishedUtterances(captions));
  }

  /**
   * Returns the text to store, or null if nothing has changed. Words of an open utterance are stored as those of an
   * interrupted one, as if the page were closed now. Without `isKeeping`, edits and removals of stored text are stored,
   * and new text is not.
   */
  takeChanges(captions: Captions, isKeeping: boolean): Captions | null {
    const shown = interruptOpen(captions);
    const utterances = finishedUtterances(shown).filter(({ id }) => isKeeping || this.#knownIds.has(id));
    if (isSameText(utterances, this.#stored)) return null;
    this.#remember(utterances);
    return { ...shown, utterances };
  }

  /** Known ids stay after a removal, so that it can be undone. */
  #remember(utterances: readonly Utterance[]): void {
    this.#stored = utterances;
    for (const { id } of utterances) this.#knownIds.add(id);
  }
}

const isSameText = (some: readonly Utterance[], others: readonly Utterance[]) =>
  some.length === others.length && some.every((utterance, at) => utterance === others[at]);
