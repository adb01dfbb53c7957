import { Fragment, useEffect, useRef, type SubmitEvent, type KeyboardEvent } from "react";
import { spokenTexts, type Utterance } from "../../transcript/captions";
import { languageName } from "../../settings/languages";
import { useLocale, useTexts } from "../../i18n/texts";
import type { EditUtterance } from "./ParagraphItem";
import { useSpeakerName } from "./SpeakerLabel";

interface EditFormProps {
  pieces: readonly Utterance[];
  edit: EditUtterance;
  onClose: () => void;
}

/** Fields for the text of each utterance, by speaker, and its translations. Escape discards the changes. */
export function EditForm({ pieces, edit, onClose }: EditFormProps) {
  const { page, transcript } = useTexts();
  const locale = useLocale();
  const name = useSpeakerName();
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector("textarea")?.focus(), []);
  const save = (event: SubmitEvent) => {
    event.preventDefault();
    const fields = new FormData(form.current ?? undefined);
    for (const piece of pieces) saveTexts(piece, fields, edit);
    onClose();
  };
  return (
    <form
      className="edit-form"
      ref={form}
      aria-label={transcript.label}
      onSubmit={save}
      onKeyDown={handleKeys(onClose)}
    >
      {pieces.map((piece) => (
        <div key={piece.id} className="edit-fields">
          {spokenTexts(piece).map((text, index) => {
            const part = piece.parts?.[index];
            const label = part === undefined ? page.transcript.spoken : name(part.speaker);
            return (
              <Fragment key={index}>
                {part && (
                  <p className="speaker" aria-hidden="true">
                    {label}
                  </p>
                )}
                <Field name={piece.id} label={label} language={piece.language} text={text} />
              </Fragment>
            );
          })}
          {Object.entries(piece.translations).map(([code, { text }]) => (
            <Field
              key={code}
              name={`${piece.id} ${code}`}
              label={page.transcript.translationInto(languageName(code, locale))}
              language={code}
              text={text}
            />
          ))}
        </div>
      ))}
      <div className="edit-buttons">
        <button type="submit" className="small" data-testid="save-edit">
          {page.save}
        </button>
        <button type="button" className="quiet" onClick={onClose}>
          {page.cancel}
        </button>
      </div>
    </form>
  );
}

function saveTexts({ id, translations }: Utterance, fields: FormData, edit: EditUtterance): void {
  const textsOf = (name: string) => fields.getAll(name).map((value) => (typeof value === "string" ? value : ""));
  const edited = Object.keys(translations).map((code) => [code, textsOf(`${id} ${code}`)[0] ?? ""]);
  edit(id, textsOf(id), Object.fromEntries(edited) as Record<string, string>);
}

interface FieldProps {
  name: string;
  label: string;
  language: string;
  text: string;
}

function Field({ name, label, language, text }: FieldProps) {
  return (
    <textarea
      name={name}
      className="field"
      aria-label={label}
      lang={language}
      dir="auto"
      rows={Math.min(8, 1 + Math.ceil(text.length / 60))}
      defaultValue={text}
      data-testid="edit-text"
    />
  );
}

/** Enter saves: an utterance has no line breaks. */
const handleKeys = (onClose: () => void) => (event: KeyboardEvent<HTMLFormElement>) => {
  if (event.key === "Escape") onClose();
  if (event.key !== "Enter" || event.nativeEvent.isComposing || !(event.target instanceof HTMLTextAreaElement)) return;
  event.preventDefault();
  event.currentTarget.requestSubmit();
};
