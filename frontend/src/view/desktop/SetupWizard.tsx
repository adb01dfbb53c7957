import { useState } from "react";
import { readable } from "../../settings/shortcut-keys";
import type { Desk } from "../../desktop/desktop";
import { told, useLocale, useWords } from "../../i18n/texts";
import { Meter } from "../LevelMeter";
import { useStore } from "../useStore";
import { ServerChoice } from "../settings/ServerSettings";

const STEPS = ["server", "microphone", "use"] as const;

/** The first minute: is there a server, is there a microphone, and which keys to press. */
export function Setup({ desk }: { desk: Desk }) {
  const words = useWords().setup;
  const [at, setAt] = useState(0);
  const step = STEPS[at] ?? "use";
  const isLast = at === STEPS.length - 1;
  const leave = () => {
    desk.trial.stop();
    if (isLast) desk.session.choose({ isSetUp: true });
    else setAt(at + 1);
  };
  return (
    <main className="setup">
      <p className="setup-step">{words.step(at + 1, STEPS.length)}</p>
      <h1>{at === 0 ? words.title : words[step]}</h1>
      <div className="setup-body" key={step}>
        {step === "server" && <ServerStep desk={desk} />}
        {step === "microphone" && <MicrophoneStep desk={desk} />}
        {step === "use" && <UseStep desk={desk} />}
      </div>
      <footer className="setup-foot">
        {at > 0 && (
          <button
            type="button"
            className="small"
            onClick={() => {
              setAt(at - 1);
            }}
          >
            {words.back}
          </button>
        )}
        <button type="button" className="toggle" data-testid="next" autoFocus onClick={leave}>
          {isLast ? words.done : words.next}
        </button>
      </footer>
    </main>
  );
}

function ServerStep({ desk }: { desk: Desk }) {
  const words = useWords().setup;
  return (
    <>
      <h2>{words.server}</h2>
      <p>{words.serverHow}</p>
      <div className="settings-rows">
        <ServerChoice desk={desk} />
      </div>
    </>
  );
}

/** The sound of the test stays here: it is heard and thrown away. */
function MicrophoneStep({ desk }: { desk: Desk }) {
  const words = useWords();
  const locale = useLocale();
  const { session } = desk;
  const { microphone } = useStore(session.settings);
  const microphones = useStore(session.microphones);
  const problem = useStore(desk.trial.problem);
  const loudest = useStore(desk.trial.loudest);
  return (
    <>
      <p>{words.setup.microphoneHow}</p>
      <div className="setup-microphone">
        <select
          className="field"
          aria-label={words.controls.microphone}
          value={microphones.some(({ deviceId }) => deviceId === microphone) ? microphone : ""}
          onChange={(event) => {
            session.choose({ microphone: event.target.value });
            desk.trial.stop();
          }}
        >
          <option value="">{words.controls.defaultMicrophone}</option>
          {microphones.map(({ deviceId, label }) => (
            <option key={deviceId} value={deviceId}>
              {label}
            </option>
          ))}
        </select>
        <Meter level={desk.trial.level} />
        <button type="button" className="small" data-testid="hear" onClick={desk.trial.start}>
          {words.setup.hear}
        </button>
      </div>
      <p className={problem === null ? "row-note" : "row-note is-bad"} role="status" data-testid="heard">
        {problem !== null
          ? `${told(problem, locale).message} ${told(problem, locale).advice}`
          : loudest > HEARD
            ? words.setup.heard
            : ""}
      </p>
    </>
  );
}

/** A voice at a usual distance is louder. */
const HEARD = 0.45;

function UseStep({ desk }: { desk: Desk }) {
  const words = useWords().desk;
  const { holdShortcut, toggleShortcut } = useStore(desk.session.settings);
  const { platform, typingProblem, shortcutProblem } = desk.surroundings;
  const keys = (written: string) => readable(written, platform === "darwin");
  return (
    <>
      <p>{words.dictate}</p>
      {shortcutProblem === "" && <p>{words.hold(keys(holdShortcut))}</p>}
      <p>{words.toggle(keys(toggleShortcut))}</p>
      {shortcutProblem !== "" && <p className="caution">{shortcutProblem}</p>}
      {typingProblem !== "" && <p className="caution">{typingProblem}</p>}
    </>
  );
}
