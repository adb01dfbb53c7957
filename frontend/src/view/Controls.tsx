import type { ReactNode } from "react";
import { isStopping, isRecording, type ConnectionState } from "../../client/src/session/connection-state";
import { spokenLanguages, writtenLanguages, type Language } from "../settings/languages";
import { useLocale, useTexts } from "../i18n/texts";
import type { Session } from "../session/session";
import { LevelMeter } from "./LevelMeter";
import { useStore } from "./useStore";

/** Problems that another API key may solve. */
const KEY_PROBLEMS: ReadonlySet<string> = new Set(["unauthorized", "forbidden"]);

/** Languages, microphone, level and the Start button. */
export function Controls({ session }: { session: Session }) {
  const texts = useTexts().controls;
  const locale = useLocale();
  const state = useStore(session.connection);
  const { microphone, language, target } = useStore(session.settings);
  const microphones = useStore(session.microphones);
  const needsKey = state.phase === "failed" && KEY_PROBLEMS.has(state.problem.code);
  const isAvailable = microphones.some(({ deviceId }) => deviceId === microphone);
  return (
    <div className="controls">
      {needsKey && <Key session={session} />}
      <Choice label={texts.spoken} name="language" value={language} onChoose={session.updateSettings}>
        <option value="auto">{texts.detect}</option>
        <Languages of={spokenLanguages(locale)} />
      </Choice>
      <Choice label={texts.translation} name="target" value={target} onChoose={session.updateSettings}>
        <option value="">{texts.noTranslation}</option>
        <Languages of={writtenLanguages(locale)} />
      </Choice>
      <Choice
        label={texts.microphone}
        name="microphone"
        value={isAvailable ? microphone : ""}
        onChoose={session.updateSettings}
      >
        <option value="">{texts.defaultMicrophone}</option>
        {microphones.map(({ deviceId, label }) => (
          <option key={deviceId} value={deviceId}>
            {label}
          </option>
        ))}
      </Choice>
      <div className="go">
        <LevelMeter level={session.level} />
        <Toggle state={state} session={session} />
      </div>
    </div>
  );
}

/** Shown when the server requires an API key, or rejected the one it got. */
function Key({ session }: { session: Session }) {
  const texts = useTexts().controls;
  const { key } = useStore(session.settings);
  return (
    <label className="choice key">
      <span className="choice-label">{texts.key}</span>
      <input
        type="password"
        autoComplete="off"
        spellCheck={false}
        data-testid="key"
        value={key}
        onChange={(event) => session.updateSettings({ key: event.target.value.trim() })}
      />
    </label>
  );
}

interface ChoiceProps {
  label: string;
  name: "language" | "target" | "microphone";
  value: string;
  onChoose: Session["updateSettings"];
  children: ReactNode;
}

function Choice({ label, name, value, onChoose, children }: ChoiceProps) {
  return (
    <label className={`choice choice-${name}`}>
      <span className="choice-label">{label}</span>
      <select data-testid={name} value={value} onChange={(event) => onChoose({ [name]: event.target.value })}>
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

/** Has the focus when the page opens, so that the space bar starts and stops. */
function Toggle({ state, session }: { state: ConnectionState; session: Session }) {
  const texts = useTexts().controls;
  const isPaused = useStore(session.isPaused);
  const isOn = isRecording(state) && !isPaused;
  const label = isOn ? texts.stop : isStopping(state) ? texts.dontWait : texts.start;
  return (
    <button
      type="button"
      className={isOn ? "toggle is-on" : "toggle"}
      data-testid="toggle"
      aria-pressed={isOn}
      autoFocus
      onClick={isOn || isStopping(state) ? session.stop : session.start}
    >
      {label}
    </button>
  );
}
