import { useRef, useState, type DragEvent } from "react";
import type { Page } from "../../page/page";
import type { VoiceEnrolment } from "../../page/voices/enrolment";
import { secondsOf, type VoiceSample } from "../../page/voices/samples";
import { useLocale, useTexts } from "../../i18n/texts";
import { LevelMeter } from "../LevelMeter";
import { useStore } from "../useStore";

/** Records samples or reads them from files, and lists them with what the server says about each. */
export function VoiceSamples({ page }: { page: Page }) {
  const { enrolment } = page;
  const [isOver, setOver] = useState(false);
  const drop = (event: DragEvent) => {
    // The page would transcribe the files.
    event.stopPropagation();
    event.preventDefault();
    setOver(false);
    enrolment.addFiles([...event.dataTransfer.files]);
  };
  const hover = (event: DragEvent) => {
    event.stopPropagation();
    event.preventDefault();
    setOver(true);
  };
  return (
    <div
      className={isOver ? "voice-samples is-over" : "voice-samples"}
      data-testid="voice-drop"
      onDragOver={hover}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <RecordButtons page={page} />
      <SampleList enrolment={enrolment} />
    </div>
  );
}

function RecordButtons({ page }: { page: Page }) {
  const texts = useTexts().voices;
  const { recorder } = page.enrolment;
  const isRecording = useStore(recorder.isRecording);
  useStore(page.session.connection);
  useStore(page.recording);
  const isLocked = page.isWorking();
  return (
    <>
      <div className="voice-buttons">
        <button
          type="button"
          className={isRecording ? "small is-recording" : "small"}
          data-testid="record-sample"
          disabled={isLocked && !isRecording}
          onClick={isRecording ? recorder.stop : recorder.start}
        >
          {isRecording ? texts.stop : texts.record}
        </button>
        {isRecording ? <RecordingTime page={page} /> : <SampleFiles enrolment={page.enrolment} />}
      </div>
      <p className="dialog-note">{isLocked ? texts.locked : texts.orDrop}</p>
    </>
  );
}

function RecordingTime({ page: { enrolment } }: { page: Page }) {
  const texts = useTexts().voices;
  const seconds = useStore(enrolment.recorder.seconds);
  return (
    <>
      <span data-testid="sample-seconds">{texts.seconds(String(seconds))}</span>
      <LevelMeter level={enrolment.recorder.level} />
    </>
  );
}

function SampleFiles({ enrolment }: { enrolment: VoiceEnrolment }) {
  const texts = useTexts().voices;
  const field = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" className="small" onClick={() => field.current?.click()}>
        {texts.addFiles}
      </button>
      <input
        ref={field}
        type="file"
        hidden
        multiple
        accept="audio/*"
        data-testid="sample-files"
        onChange={({ target }) => {
          enrolment.addFiles([...(target.files ?? [])]);
          // The same file can be chosen again.
          target.value = "";
        }}
      />
    </>
  );
}

function SampleList({ enrolment }: { enrolment: VoiceEnrolment }) {
  const samples = useStore(enrolment.samples);
  return (
    <ol className="voice-list">
      {samples.map((sample, index) => (
        <SampleEntry
          key={sample.id}
          sample={sample}
          number={index + 1}
          onDiscard={() => enrolment.discard(sample.id)}
        />
      ))}
    </ol>
  );
}

interface SampleEntryProps {
  sample: VoiceSample;
  number: number;
  onDiscard: () => void;
}

function SampleEntry({ sample, number, onDiscard }: SampleEntryProps) {
  const texts = useTexts().voices;
  const length = new Intl.NumberFormat(useLocale(), { maximumFractionDigits: 1 });
  const isBad = sample.reason !== null && sample.reason !== "";
  return (
    <li className="voice-entry" data-testid="sample" data-reason={sample.reason ?? "waiting"}>
      <span>
        {texts.sample(number)} · {texts.seconds(length.format(secondsOf(sample)))}
        <span className={isBad ? "voice-verdict is-bad" : "voice-verdict"}>{verdictOf(texts.verdicts, sample)}</span>
      </span>
      <button
        type="button"
        className="quiet"
        aria-label={texts.discard(number)}
        title={texts.discard(number)}
        data-testid="discard-sample"
        onClick={onDiscard}
      >
        ×
      </button>
    </li>
  );
}

function verdictOf(texts: ReturnType<typeof useTexts>["voices"]["verdicts"], { reason }: VoiceSample): string {
  if (reason === null) return texts.waiting;
  return reason === "" ? texts.good : texts[reason];
}
