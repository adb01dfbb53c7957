import { useState } from "react";
import { formatAccelerator } from "../../settings/shortcut-keys";
import type { Desktop } from "../../desktop/desktop";
import { describeProblem, useLocale, useTexts } from "../../i18n/texts";
import { LevelMeter } from "../LevelMeter";
import { useStore } from "../useStore";
import { ServerSettings } from "../settings/ServerSettings";

const STEPS = ["server", "microphone", "use"] as const;

/** Setup at the first start: server, microphone, shortcuts. */
export function SetupWizard({ desktop }: { desktop: Desktop }) {
  const texts = useTexts().setup;
  const [at, setAt] = useState(0);
  const step = STEPS[at] ?? "use";
  const isLast = at === STEPS.length - 1;
  const leave = () => {
    desktop.microphoneCheck.stop();
    if (isLast) desktop.session.updateSettings({ isSetUp: true });
    else setAt(at + 1);
  };
  return (
    <main className="setup">
      <p className="setup-step">{texts.step(at + 1, STEPS.length)}</p>
      <h1>{at === 0 ? texts.title : texts[step]}</h1>
      <div className="setup-body" key={step}>
        {step === "server" && <ServerStep desktop={desktop} />}
        {step === "microphone" && <MicrophoneStep desktop={desktop} />}
        {step === "use" && <UseStep desktop={desktop} />}
      </div>
      <footer className="setup-foot">
        {at > 0 && (
          <button type="button" className="small" onClick={() => setAt(at - 1)}>
            {texts.back}
          </button>
        )}
        <button type="button" className="toggle" data-testid="next" autoFocus onClick={leave}>
          {isLast ? texts.done : texts.next}
        </button>
      </footer>
    </main>
  );
}

function ServerStep({ desktop }: { desktop: Desktop }) {
  const texts = useTexts().setup;
  return (
    <>
      <h2>{texts.server}</h2>
      <p>{texts.serverHint}</p>
      <div className="settings-rows">
        <ServerSettings desktop={desktop} />
      </div>
    </>
  );
}

function MicrophoneStep({ desktop }: { desktop: Desktop }) {
  const texts = useTexts();
  const locale = useLocale();
  const { session } = desktop;
  const { microphone } = useStore(session.settings);
  const microphones = useStore(session.microphones);
  const problem = useStore(desktop.microphoneCheck.problem);
  const loudest = useStore(desktop.microphoneCheck.loudest);
  return (
    <>
      <p>{texts.setup.microphoneHint}</p>
      <div className="setup-microphone">
        <select
          className="field"
          aria-label={texts.controls.microphone}
          value={microphones.some(({ deviceId }) => deviceId === microphone) ? microphone : ""}
          onChange={(event) => {
            session.updateSettings({ microphone: event.target.value });
            desktop.microphoneCheck.stop();
          }}
        >
          <option value="">{texts.controls.defaultMicrophone}</option>
          {microphones.map(({ deviceId, label }) => (
            <option key={deviceId} value={deviceId}>
              {label}
            </option>
          ))}
        </select>
        <LevelMeter level={desktop.microphoneCheck.level} />
        <button type="button" className="small" data-testid="test-microphone" onClick={desktop.microphoneCheck.start}>
          {texts.setup.test}
        </button>
      </div>
      <p className={problem === null ? "row-note" : "row-note is-bad"} role="status" data-testid="microphone-result">
        {problem !== null
          ? `${describeProblem(problem, locale).message} ${describeProblem(problem, locale).advice}`
          : loudest > SPEECH_LEVEL
            ? texts.setup.testPassed
            : ""}
      </p>
    </>
  );
}

// Speech at a normal distance is louder.
const SPEECH_LEVEL = 0.45;

function UseStep({ desktop }: { desktop: Desktop }) {
  const texts = useTexts().desktop;
  const { holdShortcut, toggleShortcut } = useStore(desktop.session.settings);
  const { platform, typingProblem, shortcutProblem } = desktop.environment;
  const keys = (shortcut: string) => formatAccelerator(shortcut, platform === "darwin");
  return (
    <>
      <p>{texts.dictate}</p>
      {shortcutProblem === "" && <p>{texts.hold(keys(holdShortcut))}</p>}
      <p>{texts.toggle(keys(toggleShortcut))}</p>
      {shortcutProblem !== "" && <p className="caution">{shortcutProblem}</p>}
      {typingProblem !== "" && <p className="caution">{typingProblem}</p>}
    </>
  );
}
