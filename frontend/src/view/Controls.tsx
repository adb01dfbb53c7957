import type { ReactNode } from "react";
import { isEnding, isRecording, type State } from "../core/connection";
import { SPOKEN_LANGUAGES, WRITTEN_LANGUAGES, type Language } from "../core/languages";
import type { Session } from "../session";
import { Meter } from "./Meter";
import { useStore } from "./useStore";

/** What is heard, what is written, and the one button. */
export function Controls({ session }: { session: Session }) {
  const state = useStore(session.connection);
  const { microphone, language, target } = useStore(session.settings);
  const microphones = useStore(session.microphones);
  const isChosenThere = microphones.some(({ deviceId }) => deviceId === microphone);
  return (
    <div className="controls">
      <Choice label="Spoken" name="language" value={language} onChoose={session.choose}>
        <option value="auto">Detect language</option>
        <Languages of={SPOKEN_LANGUAGES} />
      </Choice>
      <Choice label="Translation" name="target" value={target} onChoose={session.choose}>
        <option value="">No translation</option>
        <Languages of={WRITTEN_LANGUAGES} />
      </Choice>
      <Choice label="Microphone" name="microphone" value={isChosenThere ? microphone : ""} onChoose={session.choose}>
        <option value="">Default microphone</option>
        {microphones.map(({ deviceId, label }) => (
          <option key={deviceId} value={deviceId}>
            {label}
          </option>
        ))}
      </Choice>
      <div className="go">
        <Meter level={session.level} />
        <Toggle state={state} session={session} />
      </div>
    </div>
  );
}

interface ChoiceProps {
  label: string;
  name: "language" | "target" | "microphone";
  value: string;
  onChoose: Session["choose"];
  children: ReactNode;
}

function Choice({ label, name, value, onChoose, children }: ChoiceProps) {
  return (
    <label className={`choice choice-${name}`}>
      <span className="choice-label">{label}</span>
      <select
        data-testid={name}
        value={value}
        onChange={(event) => {
          onChoose({ [name]: event.target.value });
        }}
      >
        {children}
      </select>
    </label>
  );
}

function Languages({ of }: { of: readonly Language[] }) {
  return of.map(({ code, name }) => (
    <option key={code} value={code}>
      {name}
    </option>
  ));
}

/** Has the focus from the beginning: the space bar starts and stops. */
function Toggle({ state, session }: { state: State; session: Session }) {
  const isOn = isRecording(state);
  const label = isOn ? "Stop" : isEnding(state) ? "Don’t wait" : "Start";
  return (
    <button
      type="button"
      className={isOn ? "toggle is-on" : "toggle"}
      data-testid="toggle"
      aria-pressed={isOn}
      autoFocus
      onClick={isOn || isEnding(state) ? session.stop : session.start}
    >
      {label}
    </button>
  );
}
