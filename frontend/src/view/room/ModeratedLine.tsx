import { useEffect, useState } from "react";
import { useTexts } from "../../i18n/texts";
import { distinctTexts, type CaptionLine, type LineText } from "../../room/caption-lines";
import type { Moderation } from "../../room/moderation";
import { waitMs } from "../../room/room-hold";
import { useStore } from "../useStore";

const TICK_MS = 500;

/** What a moderator can do with a complete line. */
export function ModeratedLine({ line, moderation }: { line: CaptionLine; moderation: Moderation }) {
  const texts = useTexts().room.moderation;
  const leftMs = useWaitMs(line.cursor, moderation);
  const [isEditing, setEditing] = useState(false);
  const [text] = distinctTexts(line);
  if (!text?.isFinal) return null;
  if (isEditing)
    return (
      <LineEditor
        text={text}
        onCancel={() => setEditing(false)}
        onSave={(changed) => {
          moderation.correct(line.id, changed, text.language);
          setEditing(false);
        }}
      />
    );
  return (
    <p className="room-moderation" data-testid="moderated-line" data-waiting={leftMs > 0}>
      {leftMs > 0 && (
        <>
          <span>{texts.waiting(Math.ceil(leftMs / 1_000))}</span>
          <button
            type="button"
            className="small"
            data-testid="release"
            onClick={() => moderation.release(line.cursor)}
          >
            {texts.release}
          </button>
        </>
      )}
      <button type="button" className="small" data-testid="edit-line" onClick={() => setEditing(true)}>
        {texts.edit}
      </button>
      <button
        type="button"
        className="small"
        data-testid="remove-line"
        onClick={() => moderation.correct(line.id, "", "")}
      >
        {texts.remove}
      </button>
    </p>
  );
}

function LineEditor(props: { text: LineText; onSave: (text: string) => void; onCancel: () => void }) {
  const texts = useTexts().room.moderation;
  const [changed, setChanged] = useState(props.text.text);
  return (
    <form
      className="room-moderation"
      onSubmit={(event) => {
        event.preventDefault();
        props.onSave(changed.trim());
      }}
    >
      <textarea
        aria-label={texts.text}
        data-testid="line-text"
        dir="auto"
        lang={props.text.language}
        maxLength={2_000}
        rows={2}
        value={changed}
        onChange={(event) => setChanged(event.target.value)}
      />
      <button type="submit" className="small" data-testid="save-line" disabled={changed.trim() === ""}>
        {texts.save}
      </button>
      <button type="button" className="small" onClick={props.onCancel}>
        {texts.cancel}
      </button>
    </form>
  );
}

const currentTime = () => Date.now();

/** Milliseconds until readers see the line, counted down. */
function useWaitMs(cursor: string, moderation: Moderation): number {
  const hold = useStore(moderation.hold);
  // The time passes between two renders, and each of them shows what is left.
  const [, tick] = useState(0);
  const leftMs = waitMs(hold, cursor, currentTime());
  const isWaiting = leftMs > 0;
  useEffect(() => {
    if (!isWaiting) return undefined;
    const timer = setInterval(() => tick((count) => count + 1), TICK_MS);
    return () => clearInterval(timer);
  }, [isWaiting]);
  return leftMs;
}
