import { useId, type SubmitEvent } from "react";
import type { Page } from "../../page/page";
import { isVoiceName } from "../../page/voices/enrolment";
import { isUsable, MIN_SAMPLES } from "../../page/voices/samples";
import { MAX_NAME } from "../../transcript/speakers/relabeling";
import { useTexts } from "../../i18n/texts";
import { Dialog } from "../page/Dialog";
import { useStore } from "../useStore";
import { EnrolmentStatus } from "./EnrolmentStatus";
import { VoiceList } from "./VoiceList";
import { VoiceSamples } from "./VoiceSamples";

/** Enrols a voice, and shows and deletes those that are enrolled. */
export function VoicesDialog({ page }: { page: Page }) {
  const texts = useTexts().voices;
  const isElsewhere = page.session.remoteHost !== "";
  return (
    <Dialog page={page} name="voices" title={texts.title}>
      <p>{isElsewhere ? texts.elsewhere : texts.about}</p>
      {!isElsewhere && <Voices page={page} />}
    </Dialog>
  );
}

function Voices({ page }: { page: Page }) {
  const texts = useTexts();
  const isUnavailable = useStore(page.languages).speakers === false;
  return (
    <>
      <VoiceList enrolment={page.enrolment} />
      <h3>{texts.voices.enrol}</h3>
      {isUnavailable ? (
        <p className="row-note is-bad" data-testid="voices-unavailable">
          {texts.speakers.unavailable}
        </p>
      ) : (
        <>
          <p className="dialog-note">{texts.voices.how(MIN_SAMPLES)}</p>
          <VoiceSamples page={page} />
          <EnrolmentForm page={page} />
        </>
      )}
      <EnrolmentStatus enrolment={page.enrolment} />
    </>
  );
}

function EnrolmentForm({ page: { enrolment } }: { page: Page }) {
  const texts = useTexts();
  const id = useId();
  const name = useStore(enrolment.name);
  const hasConsent = useStore(enrolment.hasConsent);
  const isSending = useStore(enrolment.isSending);
  const isRecording = useStore(enrolment.recorder.isRecording);
  const count = useStore(enrolment.samples).filter(isUsable).length;
  const isRefused = name !== "" && !isVoiceName(name);
  const isReady = count >= MIN_SAMPLES && isVoiceName(name) && hasConsent && !isSending && !isRecording;
  const send = (event: SubmitEvent) => {
    event.preventDefault();
    if (isReady) enrolment.enrol();
  };
  return (
    <form className="voice-form" onSubmit={send}>
      <label htmlFor={id}>{texts.speakers.name}</label>
      <input
        id={id}
        className="field"
        dir="auto"
        autoComplete="off"
        maxLength={MAX_NAME}
        aria-invalid={isRefused}
        aria-describedby={isRefused ? `${id}-hint` : undefined}
        data-testid="voice-name"
        value={name}
        onChange={(event) => enrolment.name.set(event.target.value)}
      />
      {isRefused && (
        <p id={`${id}-hint`} className="row-note is-bad">
          {texts.voices.badName}
        </p>
      )}
      <label className="voice-consent">
        <input
          type="checkbox"
          data-testid="voice-consent"
          checked={hasConsent}
          onChange={(event) => enrolment.hasConsent.set(event.target.checked)}
        />
        <span>{texts.voices.consent}</span>
      </label>
      <button type="submit" className="small" data-testid="save-voice" disabled={!isReady}>
        {texts.voices.save}
      </button>
    </form>
  );
}
