import type { Page } from "../../page/page";
import { shareDone, type RecordingState } from "../../page/recordings/recording-state";
import { describeProblem, useLocale, useTexts, type PageTexts } from "../../i18n/texts";
import { clock } from "../transcript/clock";
import { useStore } from "../useStore";

/** How far a recording is, and how it ended. */
export function RecordingProgress({ page }: { page: Page }) {
  const state = useStore(page.recording);
  const texts = useTexts();
  const locale = useLocale();
  if (state.phase === "none") return null;
  const dismiss = (
    <button
      type="button"
      className="quiet"
      aria-label={texts.notices.dismiss}
      onClick={page.cancelRecording}
      data-testid="dismiss-recording"
    >
      ×
    </button>
  );
  if (state.phase === "failed") {
    const { message, advice } = describeProblem(state.problem, locale);
    return (
      <p className="notice is-error" role="alert" data-testid="recording-problem" data-code={state.problem.code}>
        <span>
          <strong>{texts.page.recording.failed(state.name)}</strong> {message} {advice}
        </span>
        {dismiss}
      </p>
    );
  }
  if (state.phase === "finished") {
    const { finished, silent } = texts.page.recording;
    return (
      <p className="notice" role="status" data-testid="recording-finished">
        <span>{state.hasText ? finished(state.name) : silent(state.name)}</span>
        {dismiss}
      </p>
    );
  }
  return <Progress state={state} texts={texts.page} onCancel={page.cancelRecording} />;
}

interface ProgressProps {
  state: Extract<RecordingState, { phase: "uploading" | "transcribing" }>;
  texts: PageTexts;
  onCancel: () => void;
}

function Progress({ state, texts, onCancel }: ProgressProps) {
  const share = shareDone(state);
  const label = texts.recording[state.phase](state.name);
  return (
    <div className="notice recording" data-testid="recording" data-phase={state.phase}>
      <div className="recording-text">
        <p className="recording-name" role="status">
          <bdi>{label}</bdi>
        </p>
        <p className="recording-position" data-testid="recording-position">
          {positionText(state, texts)}
        </p>
        <progress aria-label={texts.recording.progress} data-testid="recording-progress" {...valueOf(share)} />
      </div>
      <button type="button" className="quiet" data-testid="cancel-recording" onClick={onCancel}>
        {texts.cancel}
      </button>
    </div>
  );
}

/** Without a value the browser shows that something happens, and not how much. */
const valueOf = (share: number | null) => (share === null ? {} : { value: Math.round(share * 1_000) / 1_000 });

function positionText(state: ProgressProps["state"], texts: PageTexts): string {
  if (state.phase === "uploading") return texts.recording.position(megabytes(state.sent), megabytes(state.total));
  const done = clock(state.doneMs);
  return state.lengthMs === null ? done : texts.recording.position(done, clock(state.lengthMs));
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
