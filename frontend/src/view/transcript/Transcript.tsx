import { useLayoutEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { shownUtterances, visibleUtterances, type Captions, type Utterance } from "../../transcript/captions";
import { paragraphsOf, type Paragraph } from "../../transcript/paragraphs";
import type { Speaker } from "../../transcript/speakers/labels";
import { allSpeakers, speakersOf } from "../../transcript/speakers/parts";
import { isRecording } from "../../../client/src/session/connection-state";
import { useTexts } from "../../i18n/texts";
import type { Session } from "../../session/session";
import { ParagraphItem, type EditUtterance } from "./ParagraphItem";
import type { RenameSpeaker, SpeakerLooks } from "./SpeakerLabel";
import { useStore } from "../useStore";

interface TranscriptProps {
  session: Session;
  /** Without it, the text cannot be edited. */
  edit?: EditUtterance;
  /** Without it, speakers cannot be renamed. */
  rename?: RenameSpeaker;
  /** Shown while there is no text. */
  children?: ReactNode;
}

/** The transcript. It scrolls to the newest text until the user scrolls up. */
export function Transcript({ session, edit, rename, children }: TranscriptProps) {
  const texts = useTexts().transcript;
  const captions = useStore(session.captions);
  const { language } = useStore(session.settings);
  const utterances = shownUtterances(captions);
  const { ref, isFollowing, follow, onScroll } = useFollowing(captions);
  return (
    <main className="transcript" ref={ref} onScroll={onScroll} tabIndex={0} aria-label={texts.label}>
      {utterances.length === 0 ? (
        (children ?? <StartHint session={session} />)
      ) : (
        <UtteranceList
          utterances={utterances}
          showsLanguages={language === "auto"}
          {...(edit ? { edit } : {})}
          {...(rename ? { rename } : {})}
        />
      )}
      {!isFollowing && (
        <button type="button" className="latest" onClick={follow}>
          {texts.latest}
        </button>
      )}
    </main>
  );
}

interface UtteranceListProps {
  utterances: readonly Utterance[];
  /** Whether to name the language where it changes. */
  showsLanguages?: boolean;
  edit?: EditUtterance;
  rename?: RenameSpeaker;
}

export function UtteranceList({ utterances, showsLanguages = false, edit, rename }: UtteranceListProps) {
  const paragraphs = paragraphsOf(utterances);
  const looks = useLooks(utterances);
  return (
    <ol className="utterances">
      {paragraphs.map((paragraph, index) => {
        const [{ id, language }] = paragraph.pieces;
        const isNew = language !== "" && language !== paragraphs[index - 1]?.pieces[0].language;
        return (
          <ParagraphItem
            key={id}
            paragraph={paragraph}
            before={lastSpeaker(paragraphs[index - 1])}
            looks={looks}
            {...(rename ? { rename } : {})}
            detected={showsLanguages && isNew ? language : ""}
            {...(edit ? { edit } : {})}
          />
        );
      })}
    </ol>
  );
}

const lastSpeaker = (paragraph: Paragraph | undefined): Speaker | undefined => {
  const last = paragraph?.pieces.at(-1);
  return last && speakersOf(last).at(-1);
};

/** The same map while the same speakers speak, so that only new text is drawn. */
function useLooks(utterances: readonly Utterance[]): SpeakerLooks {
  // Names have no line breaks.
  const speakers = allSpeakers(utterances).join("\n");
  return useMemo(() => new Map(speakers.split("\n").map((speaker, index) => [speaker, index])), [speakers]);
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

/** Scrolls to the end whenever `content` changes, unless the user has scrolled up. */
function useFollowing(content: Captions) {
  const ref = useRef<HTMLElement>(null);
  const [isFollowing, setFollowing] = useState(true);
  const toEnd = () => ref.current?.scrollTo({ top: ref.current.scrollHeight });
  useLayoutEffect(() => {
    if (isFollowing && visibleUtterances(content).length > 0) toEnd();
  }, [content, isFollowing]);
  const onScroll = () => {
    const view = ref.current;
    if (view) setFollowing(view.scrollHeight - view.scrollTop - view.clientHeight < 48);
  };
  const follow = () => setFollowing(true);
  return { ref, isFollowing, follow, onScroll };
}
