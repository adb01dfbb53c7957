import { Fragment, memo, useState } from "react";
import type { Utterance } from "../../transcript/captions";
import { isSameParagraph, joinedTexts, type Paragraph } from "../../transcript/paragraphs";
import type { Speaker } from "../../transcript/speakers/labels";
import type { SpeakerPart } from "../../transcript/speakers/parts";
import { languageName } from "../../settings/languages";
import { useLocale, useTexts } from "../../i18n/texts";
import { clock } from "./clock";
import { EditForm } from "./EditForm";
import { ContinuingSpeaker, SpeakerLabel, type RenameSpeaker, type SpeakerLooks } from "./SpeakerLabel";

/** Replaces the texts of an utterance: the spoken one, by speaker, and its translations by language code. */
export type EditUtterance = (
  id: string,
  spoken: readonly string[],
  translations: Readonly<Record<string, string>>,
) => void;

interface ParagraphItemProps {
  paragraph: Paragraph;
  /** The speaker before; undefined if it is not known. */
  before: Speaker | undefined;
  looks: SpeakerLooks;
  rename?: RenameSpeaker;
  /** The language to name, or "". */
  detected: string;
  edit?: EditUtterance;
}

export const ParagraphItem = memo(
  function ParagraphItem({ paragraph, before, looks, rename, detected, edit }: ParagraphItemProps) {
    const [isEditing, setEditing] = useState(false);
    const [first] = paragraph.pieces;
    const last = paragraph.pieces.at(-1) ?? first;
    const speakers = { looks, ...(rename ? { rename } : {}) };
    const canEdit = edit !== undefined && paragraph.pieces.every(({ state }) => state !== "speaking");
    return (
      <li className="utterance" data-testid="utterance" data-state={last.state}>
        <div className="utterance-about">
          <time className="utterance-time">{clock(first.startMs)}</time>
          {first.speaker !== undefined && first.speaker === before && first.parts === undefined && (
            <ContinuingSpeaker speaker={first.speaker} looks={looks} />
          )}
          {detected !== "" && <LanguageBadge code={detected} />}
        </div>
        {isEditing && canEdit ? (
          <EditForm pieces={paragraph.pieces} edit={edit} onClose={() => setEditing(false)} />
        ) : (
          <>
            {first.parts === undefined ? (
              <>
                {isNewSpeaker(first, before) && <SpeakerLabel speaker={first.speaker} {...speakers} />}
                <ParagraphText pieces={paragraph.pieces} />
              </>
            ) : (
              <Conversation parts={first.parts} language={first.language} before={before} {...speakers} />
            )}
            {canEdit && <EditButton time={clock(first.startMs)} onClick={() => setEditing(true)} />}
            <Translations pieces={paragraph.pieces} />
          </>
        )}
      </li>
    );
  },
  (one, other) =>
    one.before === other.before &&
    one.looks === other.looks &&
    one.rename === other.rename &&
    one.detected === other.detected &&
    one.edit === other.edit &&
    isSameParagraph(one.paragraph, other.paragraph),
);

/** The speaker of an open utterance is not known yet, and probably the same. */
const isNewSpeaker = ({ speaker, state }: Utterance, before: Speaker | undefined) =>
  speaker !== before && state !== "speaking";

interface ConversationProps {
  parts: readonly SpeakerPart[];
  language: string;
  before: Speaker | undefined;
  looks: SpeakerLooks;
  rename?: RenameSpeaker;
}

/** An utterance of several speakers. */
function Conversation({ parts, language, before, ...speakers }: ConversationProps) {
  return parts.map(({ speaker, text }, index) => (
    <Fragment key={index}>
      {speaker !== (parts[index - 1]?.speaker ?? before) && <SpeakerLabel speaker={speaker} {...speakers} />}
      <p className="utterance-text" dir="auto" lang={language} data-testid="committed">
        {text}
      </p>
    </Fragment>
  ));
}

function LanguageBadge({ code }: { code: string }) {
  const texts = useTexts().page.languages;
  const name = texts.detected(languageName(code, useLocale()));
  return (
    <span className="badge" title={name} data-testid="detected">
      <span aria-hidden="true">{code}</span>
      <span className="visually-hidden">{name}</span>
    </span>
  );
}

function ParagraphText({ pieces }: { pieces: readonly Utterance[] }) {
  const texts = useTexts();
  const language = pieces[0]?.language ?? "";
  const joined = joinedTexts(
    pieces.map(({ committed, tentative }) => committed + tentative),
    language,
  );
  return (
    <p className="utterance-text" dir="auto" lang={language}>
      {pieces.map((piece, index) => {
        const text = joined[index] ?? "";
        const tentativeFrom = text.length - piece.tentative.length;
        return (
          <span key={piece.id}>
            <span data-testid="committed">{text.slice(0, tentativeFrom)}</span>
            <span className="tentative" data-testid="tentative">
              {text.slice(tentativeFrom)}
            </span>
            {text === "" && <PendingWords label={texts.page.transcript.pending} />}
            {piece.endsTurn && <TurnEnd label={texts.page.transcript.turnEnd} />}
            {piece.state === "interrupted" && <em className="interrupted">{texts.transcript.unfinished}</em>}
          </span>
        );
      })}
    </p>
  );
}

function TurnEnd({ label }: { label: string }) {
  return (
    <span className="turn-end" role="img" aria-label={label} title={label} data-testid="turn-end">
      ¶
    </span>
  );
}

/** Between the beginning of speech and its first words. */
function PendingWords({ label }: { label: string }) {
  return (
    <span className="pending" role="img" aria-label={label} data-testid="pending">
      …
    </span>
  );
}

/** One text for each language; `isFinal` when all its parts are. */
function Translations({ pieces }: { pieces: readonly Utterance[] }) {
  const codes = [...new Set(pieces.flatMap(({ translations }) => Object.keys(translations)))];
  return codes.map((code) => {
    const parts = pieces.flatMap(({ translations }) => translations[code] ?? []);
    const isFinal = parts.every((part) => part.isFinal);
    const text = joinedTexts(
      parts.map((part) => part.text),
      code,
    ).join("");
    return (
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
    );
  });
}

function EditButton({ time, onClick }: { time: string; onClick: () => void }) {
  const texts = useTexts().page.transcript;
  return (
    <button type="button" className="quiet edit" aria-label={texts.editAt(time)} data-testid="edit" onClick={onClick}>
      {texts.edit}
    </button>
  );
}
