import { useState } from "react";
import { toCaptions, searchHistory, titleOf, type SavedSession } from "../../transcript/history";
import type { Desktop } from "../../desktop/desktop";
import { useLocale, useTexts } from "../../i18n/texts";
import { ExportMenu } from "../ExportMenu";
import { UtteranceList } from "../transcript/Transcript";
import { SearchField } from "../SearchField";
import { useStore } from "../useStore";

export function History({ desktop }: { desktop: Desktop }) {
  const history = useStore(desktop.history);
  const [at, setAt] = useState<number | null>(null);
  const open = history.find((session) => session.at === at);
  return open === undefined ? (
    <SessionList desktop={desktop} onOpen={setAt} />
  ) : (
    <SessionView session={open} onBack={() => setAt(null)} onDelete={() => desktop.deleteHistory(open.at)} />
  );
}

function SessionList({ desktop, onOpen }: { desktop: Desktop; onOpen: (at: number) => void }) {
  const texts = useTexts().history;
  const history = useStore(desktop.history);
  const { keepsHistory } = useStore(desktop.session.settings);
  const [query, setQuery] = useState("");
  const found = searchHistory(history, query);
  const nothing = history.length > 0 ? texts.noResults : keepsHistory ? texts.empty : texts.off;
  return (
    <main className="sheet">
      <SearchField label={texts.search} query={query} onChange={setQuery} className="history-search" />
      {found.length === 0 && <p className="nothing">{nothing}</p>}
      <ol className="sessions" aria-live="polite">
        {found.map((session) => (
          <SessionEntry key={session.at} session={session} onOpen={onOpen} />
        ))}
      </ol>
      <footer className="history-foot">
        <p>{texts.textOnly}</p>
        {history.length > 0 && <DeleteAllButton desktop={desktop} />}
      </footer>
    </main>
  );
}

function SessionEntry({ session, onOpen }: { session: SavedSession; onOpen: (at: number) => void }) {
  const texts = useTexts().history;
  const locale = useLocale();
  return (
    <li>
      <button type="button" className="session" data-testid="session" onClick={() => onOpen(session.at)}>
        <span className="session-title" dir="auto">
          {titleOf(session)}
        </span>
        <span className="session-about">
          {moment(session.at, locale)} · {texts.utterances(session.utterances.length)}
        </span>
      </button>
    </li>
  );
}

function SessionView({
  session,
  onBack,
  onDelete,
}: {
  session: SavedSession;
  onBack: () => void;
  onDelete: () => void;
}) {
  const texts = useTexts().history;
  const locale = useLocale();
  return (
    <main className="sheet opened">
      <div className="opened-top">
        <button type="button" className="quiet" data-testid="back" autoFocus onClick={onBack}>
          ‹ {texts.back}
        </button>
        <h2>{moment(session.at, locale)}</h2>
      </div>
      <div className="opened-lines" tabIndex={0} role="region" aria-label={moment(session.at, locale)}>
        <UtteranceList utterances={session.utterances} />
      </div>
      <ExportMenu captions={toCaptions(session)} onClear={onDelete} clearLabel={texts.delete} />
    </main>
  );
}

/** Requires a second click as confirmation. */
function DeleteAllButton({ desktop }: { desktop: Desktop }) {
  const texts = useTexts().history;
  const [isConfirming, setConfirming] = useState(false);
  return (
    <button
      type="button"
      className={isConfirming ? "quiet is-danger" : "quiet"}
      data-testid="delete-all"
      onClick={() => {
        if (isConfirming) desktop.deleteHistory(null);
        setConfirming(!isConfirming);
      }}
      onBlur={() => setConfirming(false)}
    >
      {isConfirming ? texts.confirmDeleteAll : texts.deleteAll}
    </button>
  );
}

const moment = (at: number, locale: string) =>
  new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(at);
