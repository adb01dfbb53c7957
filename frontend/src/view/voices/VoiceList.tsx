import { useState } from "react";
import type { VoiceEnrolment } from "../../page/voices/enrolment";
import type { EnrolledVoice } from "../../page/voices/voice-requests";
import { useLocale, useTexts } from "../../i18n/texts";
import { useStore } from "../useStore";

/** The voices that are enrolled with the key of the page. */
export function VoiceList({ enrolment }: { enrolment: VoiceEnrolment }) {
  const texts = useTexts().voices;
  const voices = useStore(enrolment.voices);
  if (voices === null) return null;
  return (
    <section aria-label={texts.list}>
      <h3>{texts.list}</h3>
      {voices.length === 0 ? (
        <p className="dialog-note" data-testid="no-voices">
          {texts.none}
        </p>
      ) : (
        <ul className="voice-list">
          {voices.map((voice) => (
            <VoiceEntry key={voice.name} voice={voice} onDelete={() => enrolment.remove(voice.name)} />
          ))}
        </ul>
      )}
    </section>
  );
}

function VoiceEntry({ voice, onDelete }: { voice: EnrolledVoice; onDelete: () => void }) {
  const texts = useTexts().voices;
  const until = new Intl.DateTimeFormat(useLocale(), { dateStyle: "medium" });
  return (
    <li className="voice-entry" data-testid="voice">
      <span>
        <bdi data-testid="voice-of">{voice.name}</bdi>
        <span className="session-about">
          {texts.until(Math.round(voice.seconds), until.format(voice.expires * 1_000))}
        </span>
      </span>
      <DeleteButton name={voice.name} onDelete={onDelete} />
    </li>
  );
}

/** Requires a second click as confirmation. */
function DeleteButton({ name, onDelete }: { name: string; onDelete: () => void }) {
  const texts = useTexts().voices;
  const [isConfirming, setConfirming] = useState(false);
  return (
    <button
      type="button"
      className={isConfirming ? "quiet is-danger" : "quiet"}
      aria-label={isConfirming ? `${texts.confirmDelete} ${name}` : texts.delete(name)}
      title={texts.delete(name)}
      data-testid="delete-voice"
      onClick={() => (isConfirming ? onDelete() : setConfirming(true))}
      onBlur={() => setConfirming(false)}
    >
      {isConfirming ? texts.confirmDelete : "×"}
    </button>
  );
}
