import { useEffect, useRef, useState } from "react";
import { useTexts } from "../../i18n/texts";
import { distinctTexts, type CaptionLine } from "../../room/caption-lines";
import type { Moderation } from "../../room/moderation";
import type { RoomPage } from "../../room/room-page";
import { useStore } from "../useStore";
import { ModeratedLine } from "./ModeratedLine";

// A reader who is this close to the end follows it.
const NEAR_END_PX = 80;
// Lines that screen readers read. Added ones are read, and removed ones are not.
const ANNOUNCED = 4;

/** Follows the newest caption, unless the reader has scrolled up. */
export function RoomCaptions({ page }: { page: RoomPage }) {
  const texts = useTexts().room;
  const lines = useStore(page.lines);
  const { lines: count } = useStore(page.options);
  const [isFollowing, setFollowing] = useState(true);
  const list = useRef<HTMLElement>(null);
  const toEnd = () => list.current?.scrollTo({ top: list.current.scrollHeight });
  useEffect(() => {
    if (isFollowing) toEnd();
  });
  const shown = count === 0 ? lines : lines.slice(-count);
  return (
    <>
      <main
        className="room-lines"
        ref={list}
        // Scrolled with the keyboard, too (WCAG 2.1.1).
        tabIndex={0}
        aria-label={texts.title}
        data-testid="room-lines"
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) =>
          setFollowing(scrollHeight - scrollTop - clientHeight < NEAR_END_PX)
        }
      >
        {shown.map((line, index) => (
          <RoomLine key={line.id} line={line} moderation={page.moderation} isNamed={line.speaker !== shown[index - 1]?.speaker} />
        ))}
      </main>
      <Announced lines={lines} />
      {!isFollowing && (
        <button
          type="button"
          className="room-latest"
          onClick={() => {
            setFollowing(true);
            toEnd();
          }}
        >
          {texts.latest}
        </button>
      )}
    </>
  );
}

interface RoomLineProps {
  line: CaptionLine;
  isNamed: boolean;
  moderation: Moderation | null;
}

/** Words that may still change are in italics and end with an ellipsis. Each text has the direction of its script. */
function RoomLine({ line, isNamed, moderation }: RoomLineProps) {
  return (
    <div className="room-line" data-testid="room-line">
      {isNamed && line.speaker !== "" && (
        <p className="room-speaker" dir="auto">
          {line.speaker}
        </p>
      )}
      {distinctTexts(line).map(({ text, language, isFinal }, index) => (
        <p
          key={index}
          className={index === 0 ? "room-text" : "room-text is-second"}
          dir="auto"
          lang={language}
          data-final={isFinal}
        >
          <span>{isFinal ? text : `${text.trimEnd()}…`}</span>
        </p>
      ))}
      {moderation !== null && <ModeratedLine line={line} moderation={moderation} />}
    </div>
  );
}

function Announced({ lines }: { lines: readonly CaptionLine[] }) {
  const complete = lines.filter((line) => distinctTexts(line)[0]?.isFinal === true).slice(-ANNOUNCED);
  return (
    <div className="visually-hidden" role="log" aria-live="polite" data-testid="announcements">
      {complete.map((line) => {
        const [text] = distinctTexts(line);
        return (
          <p key={line.id} lang={text?.language}>
            {line.speaker === "" ? text?.text : `${line.speaker}: ${text?.text ?? ""}`}
          </p>
        );
      })}
    </div>
  );
}
