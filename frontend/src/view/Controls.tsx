import type { ReactNode } from "react";
import { isEnding, isRecording, type State } from "../../client/src/session/connection-state";
import { spokenLanguages, writtenLanguages, type Language } from "../settings/languages";
import { useLocale, useWords } from "../i18n/texts";
import type { Session } from "../session/session";
import { Meter } from "./LevelMeter";
import { useStore } from "./useStore";

/** Refusals that a key cures. */
const WITHOUT_KEY: ReadonlySet<string> = new Set(["unauthorized", "forbidden"]);

/** What is heard, what is written, and the one button. */
export function Controls({ session }: { session: Session }) {
  const words = useWords().controls;
  const locale = useLocale();
  const state = useStore(session.connection);
  const { microphone, language, target } = useStore(session.settings);
  const microphones = useStore(session.microphones);
  const isKeyWanted = state.phase === "failed" && WITHOUT_KEY.has(state.why.code);
  const isChosenThere = microphones.some(({ deviceId }) => deviceId === microphone);
  return (
    <div className="controls">
      {isKeyWanted && <Key session={session} />}
      <Choice label={words.spoken} name="language" value={language} onChoose={session.choose}>
        <option value="auto">{words.detect}</option>
        <Languages of={spokenLanguages(locale)} />
      </Choice>
      <Choice label={words.translation} name="target" value={target} onChoose={session.choose}>
        <option value="">{words.noTranslation}</option>
        <Languages of={writtenLanguages(locale)} />
      </Choice>
      <Choice
        label={words.microphone}
        name="microphone"
        value={isChosenThere ? microphone : ""}
        onChoose={session.choose}
      >
        <option value="">{words.defaultMicrophone}</option>
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

/** Shown when the server wants one, or another one than it was given. */
function Key({ session }: { session: Session }) {
  const words = useWords().controls;
  const { key } = useStore(session.settings);
  return (
    <label className="choice key">
      <span className="choice-label">{words.key}</span>
      <input
        type="password"
        autoComplete="off"
        spellCheck={false}
        data-testid="key"
        value={key}
        onChange={(event) => {
          session.choose({ key: event.target.value.trim() });
        }}
      />
    </label>
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
  const words = useWords().controls;
  const isPaused = useStore(session.isPaused);
  const isOn = isRecording(state) && !isPaused;
  const label = isOn ? words.stop : isEnding(state) ? words.dontWait : words.start;
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
