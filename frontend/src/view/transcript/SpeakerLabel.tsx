import { useEffect, useRef, useState, type KeyboardEvent, type SubmitEvent } from "react";
import { speakerName, type Speaker } from "../../transcript/speakers/labels";
import { MAX_NAME } from "../../transcript/speakers/relabeling";
import { useTexts } from "../../i18n/texts";

/** Gives a speaker a name. */
export type RenameSpeaker = (speaker: Speaker, name: string) => void;

/** The position of each speaker of a transcript, which decides the color and the shape of the mark. */
export type SpeakerLooks = ReadonlyMap<Speaker, number>;

// Colors and shapes of speakers.css.
const LOOKS = 8;

interface SpeakerLabelProps {
  /** Missing: not known. */
  speaker: Speaker | undefined;
  looks: SpeakerLooks;
  /** Without it, the speaker cannot be renamed. */
  rename?: RenameSpeaker;
}

/** The name of a speaker above what they say. A click renames the speaker. */
export function SpeakerLabel({ speaker, looks, rename }: SpeakerLabelProps) {
  const texts = useTexts().speakers;
  const name = useSpeakerName();
  const [isRenaming, setRenaming] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const wasRenaming = useRef(false);
  useEffect(() => {
    if (wasRenaming.current && !isRenaming) button.current?.focus();
    wasRenaming.current = isRenaming;
  }, [isRenaming]);
  if (speaker === undefined) return <p className="speaker">{texts.unknown}</p>;
  if (isRenaming && rename !== undefined)
    return <RenameForm name={name(speaker)} rename={rename.bind(null, speaker)} onClose={() => setRenaming(false)} />;
  const label = (
    <>
      <SpeakerMark speaker={speaker} looks={looks} />
      <bdi>{name(speaker)}</bdi>
    </>
  );
  return (
    <p className="speaker" data-look={lookOf(speaker, looks)} data-testid="speaker">
      {rename === undefined ? (
        label
      ) : (
        <button
          ref={button}
          type="button"
          className="speaker-name"
          aria-label={texts.rename(name(speaker))}
          title={texts.rename(name(speaker))}
          data-testid="rename-speaker"
          onClick={() => setRenaming(true)}
        >
          {label}
        </button>
      )}
    </p>
  );
}

/** The mark of a speaker who continues, with the name for screen readers. */
export function ContinuingSpeaker({ speaker, looks }: { speaker: Speaker; looks: SpeakerLooks }) {
  const name = useSpeakerName();
  return (
    <span className="speaker" data-look={lookOf(speaker, looks)} title={name(speaker)} data-testid="same-speaker">
      <SpeakerMark speaker={speaker} looks={looks} />
      <span className="visually-hidden">{name(speaker)}</span>
    </span>
  );
}

/** A shape, so that speakers do not differ in color alone. */
function SpeakerMark({ speaker, looks }: { speaker: Speaker; looks: SpeakerLooks }) {
  return <span className="speaker-mark" data-look={lookOf(speaker, looks)} aria-hidden="true" />;
}

function RenameForm({ name, rename, onClose }: { name: string; rename: (name: string) => void; onClose: () => void }) {
  const texts = useTexts();
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.select(), []);
  const save = (event: SubmitEvent) => {
    event.preventDefault();
    const chosen = field.current?.value ?? "";
    if (chosen !== name) rename(chosen);
    onClose();
  };
  const cancel = (event: KeyboardEvent) => {
    if (event.key === "Escape") onClose();
  };
  return (
    <form className="speaker-form" onSubmit={save} onKeyDown={cancel}>
      <input
        ref={field}
        className="field"
        aria-label={texts.speakers.name}
        dir="auto"
        maxLength={MAX_NAME}
        defaultValue={name}
        data-testid="speaker-name"
      />
      <button type="submit" className="small" data-testid="save-speaker">
        {texts.page.save}
      </button>
      <button type="button" className="quiet" onClick={onClose}>
        {texts.page.cancel}
      </button>
    </form>
  );
}

const lookOf = (speaker: Speaker, looks: SpeakerLooks) => (looks.get(speaker) ?? 0) % LOOKS;

/** Returns the name of a speaker in the language of the interface. */
export function useSpeakerName(): (speaker: Speaker) => string {
  const { numbered } = useTexts().speakers;
  return (speaker) => speakerName(speaker, numbered);
}
