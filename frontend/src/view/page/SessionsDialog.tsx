import { useRef, useState, type SubmitEvent } from "react";
import type { Page } from "../../page/page";
import { searchHistory, titleOf, type SavedSession } from "../../transcript/history";
import { useLocale, useTexts } from "../../i18n/texts";
import { SearchField } from "../SearchField";
import { useStore } from "../useStore";
import { Dialog } from "./Dialog";

/** The sessions of this browser: search, open, rename, delete. */
export function SessionsDialog({ page }: { page: Page }) {
  const texts = useTexts().page.sessions;
  return (
    <Dialog page={page} name="sessions" title={texts.title}>
      <SessionList page={page} />
    </Dialog>
  );
}

function SessionList({ page }: { page: Page }) {
  const texts = useTexts().page.sessions;
  const { library, session } = page;
  const history = useStore(library.history);
  const { keepsHistory } = useStore(session.settings);
  useStore(session.connection);
  useStore(page.recording);
  const isStored = useStore(library.isStored);
  const [query, setQuery] = useState("");
  const found = searchHistory(history, query);
  const isLocked = page.isWorking();
  const startNew = () => {
    library.startNew();
    page.dialog.set("none");
  };
  return (
    <>
      <div className="sessions-top">
        <button type="button" className="small" data-testid="new-session" disabled={isLocked} onClick={startNew}>
          {texts.startNew}
        </button>
        <SearchField label={texts.search} query={query} onChange={setQuery} />
      </div>
      {isLocked && <p className="dialog-note">{texts.locked}</p>}
      {found.length === 0 && (
        <p className="dialog-empty">{history.length > 0 ? texts.noResults : keepsHistory ? texts.empty : texts.off}</p>
      )}
      <ol className="session-list">
        {found.map((saved) => (
          <SessionEntry key={saved.at} page={page} saved={saved} isLocked={isLocked} />
        ))}
      </ol>
      <p className="dialog-note">{isStored === false ? texts.notStored : texts.textOnly}</p>
    </>
  );
}

interface SessionEntryProps {
  page: Page;
  saved: SavedSession;
  isLocked: boolean;
}

function SessionEntry({ page, saved, isLocked }: SessionEntryProps) {
  const texts = useTexts();
  const locale = useLocale();
  const [isRenaming, setRenaming] = useState(false);
  const isOpen = useStore(page.library.current).at === saved.at;
  const title = titleOf(saved);
  const open = () => {
    page.library.open(saved.at);
    page.dialog.set("none");
  };
  if (isRenaming) return <RenameForm page={page} saved={saved} onClose={() => setRenaming(false)} />;
  return (
    <li className="session-entry" data-testid="session">
      <button
        type="button"
        className="session-open"
        aria-current={isOpen}
        data-testid="open-session"
        disabled={isLocked}
        onClick={open}
      >
        <span className="session-title" dir="auto">
          {title}
        </span>
        <span className="session-about">
          {moment(saved.at, locale)} · {texts.page.sessions.sentences(saved.utterances.length)}
          {isOpen && ` · ${texts.page.sessions.isOpen}`}
        </span>
      </button>
      <button
        type="button"
        className="quiet"
        aria-label={texts.page.sessions.rename(title)}
        title={texts.page.sessions.rename(title)}
        data-testid="rename"
        onClick={() => setRenaming(true)}
      >
        ✎
      </button>
      <DeleteButton title={title} isDisabled={isLocked && isOpen} onDelete={() => page.library.remove(saved.at)} />
    </li>
  );
}

function RenameForm({ page, saved, onClose }: { page: Page; saved: SavedSession; onClose: () => void }) {
  const texts = useTexts().page;
  const field = useRef<HTMLInputElement>(null);
  const save = (event: SubmitEvent) => {
    event.preventDefault();
    page.library.rename(saved.at, field.current?.value ?? "");
    onClose();
  };
  return (
    <li className="session-entry">
      <form className="rename" onSubmit={save}>
        <input
          ref={field}
          className="field"
          aria-label={texts.sessions.name}
          dir="auto"
          maxLength={120}
          autoFocus
          defaultValue={titleOf(saved)}
          data-testid="session-name"
        />
        <button type="submit" className="small" data-testid="save-name">
          {texts.save}
        </button>
        <button type="button" className="quiet" onClick={onClose}>
          {texts.cancel}
        </button>
      </form>
    </li>
  );
}

/** Requires a second click as confirmation. */
function DeleteButton({ title, isDisabled, onDelete }: { title: string; isDisabled: boolean; onDelete: () => void }) {
  const texts = useTexts().page.sessions;
  const [isConfirming, setConfirming] = useState(false);
  return (
    <button
      type="button"
      className={isConfirming ? "quiet is-danger" : "quiet"}
      aria-label={isConfirming ? texts.confirmDelete : texts.delete(title)}
      title={texts.delete(title)}
      data-testid="delete-session"
      disabled={isDisabled}
      onClick={() => (isConfirming ? onDelete() : setConfirming(true))}
      onBlur={() => setConfirming(false)}
    >
      {isConfirming ? texts.confirmDelete : "×"}
    </button>
  );
}

const moment = (at: number, locale: string) =>
  new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(at);
