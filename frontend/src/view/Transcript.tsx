import { memo, useLayoutEffect, useRef, useState } from "react";
import { finished, shown, type Captions, type Utterance } from "../core/captions";
import { isRecording } from "../core/connection";
import type { Session } from "../session";
import { useStore } from "./useStore";

/** What has been said. It follows the newest words until the reader scrolls up. */
export function Transcript({ session }: { session: Session }) {
  const captions = useStore(session.captions);
  const utterances = shown(captions);
  const { ref, isFollowing, follow, onScroll } = useFollowing(captions);
  return (
    <main className="transcript" ref={ref} onScroll={onScroll} tabIndex={0} aria-label="Transcript">
      {utterances.length === 0 ? (
        <Invitation session={session} />
      ) : (
        <ol className="utterances">
          {utterances.map((utterance) => (
            <Line key={utterance.id} utterance={utterance} />
          ))}
        </ol>
      )}
      {!isFollowing && (
        <button type="button" className="latest" onClick={follow}>
          Latest words ↓
        </button>
      )}
      <p className="unseen" aria-live="polite" data-testid="announcement">
        {announcement(captions)}
      </p>
    </main>
  );
}

function Invitation({ session }: { session: Session }) {
  const isOn = isRecording(useStore(session.connection));
  return (
    <div className="invitation">
      <p className="invitation-title">{isOn ? "Go ahead, speak." : "Press Start and speak."}</p>
      <p>Your words appear as you say them: faint while they may still change, firm once they are certain.</p>
    </div>
  );
}

const Line = memo(function Line({ utterance }: { utterance: Utterance }) {
  const { state, startMs, language, committed, tentative, translations } = utterance;
  return (
    <li className="utterance" data-testid="utterance" data-state={state}>
      <time className="utterance-time">{clock(startMs)}</time>
      <p className="utterance-text" dir="auto" lang={language}>
        <span data-testid="committed">{committed}</span>
        <span className="tentative" data-testid="tentative">
          {tentative}
        </span>
        {state === "interrupted" && <em className="interrupted">unfinished</em>}
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

/** Scrolls to the end whenever `content` changes, unless the reader has scrolled away from it. */
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
  const follow = () => {
    setFollowing(true);
  };
  return { ref, isFollowing, follow, onScroll };
}

/** What a screen reader says: whole utterances, not every guess. */
function announcement(captions: Captions): string {
  const last = finished(captions).at(-1);
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
