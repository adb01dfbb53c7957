import { memo, useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { finishedUtterances, visibleUtterances, type Captions, type Utterance } from "../transcript/captions";
import { isRecording } from "../../client/src/session/connection-state";
import { useTexts } from "../i18n/texts";
import type { Session } from "../session/session";
import { useStore } from "./useStore";

/**
 * The transcript. It scrolls to the newest text until the user scrolls up.
 *
 * @param children Shown while there is no text.
 */
export function Transcript({ session, children }: { session: Session; children?: ReactNode }) {
  const texts = useTexts().transcript;
  const captions = useStore(session.captions);
  const utterances = visibleUtterances(captions);
  const { ref, isFollowing, follow, onScroll } = useFollowing(captions);
  return (
    <main className="transcript" ref={ref} onScroll={onScroll} tabIndex={0} aria-label={texts.label}>
      {utterances.length === 0 ? (
        (children ?? <StartHint session={session} />)
      ) : (
        <UtteranceList utterances={utterances} />
      )}
      {!isFollowing && (
        <button type="button" className="latest" onClick={follow}>
          {texts.latest}
        </button>
      )}
      <p className="visually-hidden" aria-live="polite" data-testid="announcement">
        {announcement(captions)}
      </p>
    </main>
  );
}

export function UtteranceList({ utterances }: { utterances: readonly Utterance[] }) {
  return (
    <ol className="utterances">
      {utterances.map((utterance) => (
        <UtteranceItem key={utterance.id} utterance={utterance} />
      ))}
    </ol>
  );
}

function StartHint({ session }: { session: Session }) {
  const texts = useTexts().transcript;
  const isOn = isRecording(useStore(session.connection));
  return (
    <div className="invitation">
      <p className="invitation-title">{isOn ? texts.goAhead : texts.pressStart}</p>
      <p>{texts.howItWorks}</p>
    </div>
  );
}

const UtteranceItem = memo(function Line({ utterance }: { utterance: Utterance }) {
  const texts = useTexts().transcript;
  const { state, startMs, language, committed, tentative, translations } = utterance;
  return (
    <li className="utterance" data-testid="utterance" data-state={state}>
      <time className="utterance-time">{clock(startMs)}</time>
      <p className="utterance-text" dir="auto" lang={language}>
        <span data-testid="committed">{committed}</span>
        <span className="tentative" data-testid="tentative">
          {tentative}
        </span>
        {state === "interrupted" && <em className="interrupted">{texts.unfinished}</em>}
      </p>
      {Object.entries(translations).map(([code, { text, isFinal }]) => (
        <p
          key={code}
          className={isFinal ? "translation" : "translation tentative"}
          dir="auto"
          lang={code}
          data-testid="translation"
          data-final={isFinal}
        >
          {text}
        </p>
      ))}
    </li>
  );
});

/** Scrolls to the end whenever `content` changes, unless the user has scrolled up. */
function useFollowing(content: Captions) {
  const ref = useRef<HTMLElement>(null);
  const [isFollowing, setFollowing] = useState(true);
  const toEnd = () => ref.current?.scrollTo({ top: ref.current.scrollHeight });
  useLayoutEffect(() => {
    if (isFollowing) toEnd();
  }, [content, isFollowing]);
  const onScroll = () => {
    const view = ref.current;
    if (view) setFollowing(view.scrollHeight - view.scrollTop - view.clientHeight < 48);
  };
  const follow = () => setFollowing(true);
  return { ref, isFollowing, follow, onScroll };
}

/** Text for screen readers: complete utterances only, because partials would be read again and again. */
function announcement(captions: Captions): string {
  const last = finishedUtterances(captions).at(-1);
  if (last === undefined) return "";
  const translations = Object.values(last.translations).flatMap(({ text, isFinal }) => (isFinal ? [text] : []));
  return [last.committed, ...translations].join(" ");
}

/** m:ss, or h:mm:ss */
function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
