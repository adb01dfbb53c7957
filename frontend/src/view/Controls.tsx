import { useEffect, useRef, type SubmitEvent, type ReactNode } from "react";
import { isStopping, isRecording, type ConnectionState } from "../../client/src/session/connection-state";
import {
  isSpokenServed,
  isTargetServed,
  unknownLanguages,
  type ServedLanguages,
} from "../page/languages/served-languages";
import { languageName, spokenLanguages, writtenLanguages } from "../settings/languages";
import { useLocale, useTexts } from "../i18n/texts";
import type { Session } from "../session/session";
import { LanguageOptions } from "./LanguageOptions";
import { LevelMeter } from "./LevelMeter";
import { MicrophoneOptions } from "./MicrophoneOptions";
import { useStore } from "./useStore";

/** Problems that another API key may solve. */
export const KEY_PROBLEMS: ReadonlySet<string> = new Set(["unauthorized", "forbidden"]);

interface ControlsProps {
  session: Session;
  languages?: ServedLanguages;
  /** Explains how to install more languages. */
  onMoreLanguages?: () => void;
  /** In place of the list of microphones. */
  source?: ReactNode;
  /** In place of the Start button. */
  toggle?: ReactNode;
  /** Tries again with the key that the user enters, after something else than a session was refused. */
  onKey?: (() => void) | null;
}

/** Languages, microphone, level and the Start button. */
export function Controls({
  session,
  languages = unknownLanguages,
  onMoreLanguages,
  source,
  toggle,
  onKey = null,
}: ControlsProps) {
  const state = useStore(session.connection);
  const needsKey = state.phase === "failed" && KEY_PROBLEMS.has(state.problem.code);
  return (
    <div className="controls">
      {(needsKey || onKey !== null) && <Key session={session} onKey={onKey ?? session.start} />}
      <SpokenChoice session={session} languages={languages} />
      <TargetChoice
        session={session}
        languages={languages}
        {...(onMoreLanguages === undefined ? {} : { onMore: onMoreLanguages })}
      />
      {source ?? <MicrophoneChoice session={session} />}
      <div className="go">
        <LevelMeter level={session.level} />
        {toggle ?? <Toggle state={state} session={session} />}
      </div>
    </div>
  );
}

/** Shown when the server requires an API key, or rejected the one it got. */
function Key({ session, onKey }: { session: Session; onKey: () => void }) {
  const { controls, page } = useTexts();
  const { key } = useStore(session.settings);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (key !== "") onKey();
  };
  return (
    <form className="key" onSubmit={submit}>
      <label className="key-label">
        <span className="choice-label">{controls.key}</span>
        <input
          ref={field}
          type="password"
          className="field"
          autoComplete="off"
          spellCheck={false}
          required
          data-testid="key"
          value={key}
          onChange={(event) => session.updateSettings({ key: event.target.value.trim() })}
        />
      </label>
      <button type="submit" className="small" data-testid="use-key">
        {page.key.use}
      </button>
    </form>
  );
}

interface LanguageChoiceProps {
  session: Session;
  languages: ServedLanguages;
}

function SpokenChoice({ session, languages }: LanguageChoiceProps) {
  const texts = useTexts().controls;
  const locale = useLocale();
  const { language } = useStore(session.settings);
  const served = spokenLanguages(locale).filter(({ code }) => isSpokenServed(languages, code) || code === language);
  return (
    <Choice
      label={texts.spoken}
      name="language"
      value={language}
      onChoose={(code) => session.updateSettings({ language: code })}
    >
      <option value="auto">{texts.detect}</option>
      <LanguageOptions of={served} />
    </Choice>
  );
}

const MORE = "more";

/** Only languages that an installed model translates into. */
function TargetChoice({ session, languages, onMore }: LanguageChoiceProps & { onMore?: () => void }) {
  const { controls, page } = useTexts();
  const locale = useLocale();
  const { language, target } = useStore(session.settings);
  const served = writtenLanguages(locale).filter(({ code }) => isTargetServed(languages, language, code));
  const isMissing = target !== "" && !served.some(({ code }) => code === target);
  const choose = (value: string) => (value === MORE ? onMore?.() : session.updateSettings({ target: value }));
  return (
    <Choice label={controls.translation} name="target" value={target} onChoose={choose}>
      <option value="">{controls.noTranslation}</option>
      {isMissing && <option value={target}>{page.languages.notInstalled(languageName(target, locale))}</option>}
      <LanguageOptions of={served} />
      {onMore && languages.pairs !== null && <option value={MORE}>{page.languages.more}</option>}
    </Choice>
  );
}

function MicrophoneChoice({ session }: { session: Session }) {
  const texts = useTexts().controls;
  const { microphone } = useStore(session.settings);
  const microphones = useStore(session.microphones);
  const isAvailable = microphones.some(({ deviceId }) => deviceId === microphone);
  return (
    <Choice
      label={texts.microphone}
      name="microphone"
      value={isAvailable ? microphone : ""}
      onChoose={(deviceId) => session.updateSettings({ microphone: deviceId })}
    >
      <option value="">{texts.defaultMicrophone}</option>
      <MicrophoneOptions microphones={microphones} />
    </Choice>
  );
}

interface ChoiceProps {
  label: string;
  name: "language" | "target" | "microphone";
  value: string;
  onChoose: (value: string) => void;
  children: ReactNode;
}

function Choice({ label, name, value, onChoose, children }: ChoiceProps) {
  return (
    <label className={`choice choice-${name}`}>
      <span className="choice-label">{label}</span>
      <select data-testid={name} value={value} onChange={(event) => onChoose(event.target.value)}>
        {children}
      </select>
    </label>
  );
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
      autoFocus
      onClick={isOn || isStopping(state) ? session.stop : session.start}
    >
      {label}
    </button>
  );
}
