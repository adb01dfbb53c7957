import { useState } from "react";
import { asCaptions, search, titleOf, type Kept } from "../../transcript/history";
import type { Desk } from "../../desktop/desktop";
import { useLocale, useWords } from "../../i18n/texts";
import { TakeAlong } from "../ExportMenu";
import { Lines } from "../Transcript";
import { useStore } from "../useStore";

export function History({ desk }: { desk: Desk }) {
  const history = useStore(desk.history);
  const [at, setAt] = useState<number | null>(null);
  const open = history.find((session) => session.at === at);
  return open === undefined ? (
    <List desk={desk} onOpen={setAt} />
  ) : (
    <Opened
      session={open}
      onBack={() => {
        setAt(null);
      }}
      onForget={() => {
        desk.forget(open.at);
      }}
    />
  );
}

function List({ desk, onOpen }: { desk: Desk; onOpen: (at: number) => void }) {
  const words = useWords().history;
  const history = useStore(desk.history);
  const { keepsHistory } = useStore(desk.session.settings);
  const [query, setQuery] = useState("");
  const found = search(history, query);
  const nothing = history.length > 0 ? words.none : keepsHistory ? words.empty : words.off;
  return (
    <main className="sheet">
      <input
        type="search"
        className="field history-search"
        placeholder={words.search}
        aria-label={words.search}
        data-testid="search"
        value={query}
        onChange={(event) => {
          setQuery(event.target.value);
        }}
      />
      {found.length === 0 && <p className="nothing">{nothing}</p>}
      <ol className="sessions" aria-live="polite">
        {found.map((session) => (
          <Entry key={session.at} session={session} onOpen={onOpen} />
        ))}
      </ol>
      <footer className="history-foot">
        <p>{words.wordsOnly}</p>
        {history.length > 0 && <ForgetAll desk={desk} />}
      </footer>
    </main>
  );
}

function Entry({ session, onOpen }: { session: Kept; onOpen: (at: number) => void }) {
  const words = useWords().history;
  const locale = useLocale();
  return (
    <li>
      <button
        type="button"
        className="session"
        data-testid="session"
        onClick={() => {
          onOpen(session.at);
        }}
      >
        <span className="session-title" dir="auto">
          {titleOf(session)}
        </span>
        <span className="session-about">
          {moment(session.at, locale)} · {words.utterances(session.utterances.length)}
        </span>
      </button>
    </li>
  );
}

function Opened({ session, onBack, onForget }: { session: Kept; onBack: () => void; onForget: () => void }) {
  const words = useWords().history;
  const locale = useLocale();
  return (
    <main className="sheet opened">
      <div className="opened-top">
        <button type="button" className="quiet" data-testid="back" autoFocus onClick={onBack}>
          ‹ {words.back}
        </button>
        <h2>{moment(session.at, locale)}</h2>
      </div>
      <div className="opened-lines" tabIndex={0} role="region" aria-label={moment(session.at, locale)}>
        <Lines utterances={session.utterances} />
      </div>
      <TakeAlong captions={asCaptions(session)} onClear={onForget} clears={words.remove} />
    </main>
  );
}

/** Asked twice. */
function ForgetAll({ desk }: { desk: Desk }) {
  const words = useWords().history;
  const [isAsked, setAsked] = useState(false);
  return (
    <button
      type="button"
      className={isAsked ? "quiet is-grave" : "quiet"}
      data-testid="forget-all"
      onClick={() => {
        if (isAsked) desk.forget(null);
        setAsked(!isAsked);
      }}
      onBlur={() => {
        setAsked(false);
      }}
    >
      {isAsked ? words.sure : words.removeAll}
    </button>
  );
}

const moment = (at: number, locale: string) =>
  new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(at);
