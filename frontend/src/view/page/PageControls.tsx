import { isRecording, isStopping } from "../../../client/src/session/connection-state";
import { isSecurePage } from "../../capture/sources";
import type { Input, Page } from "../../page/page";
import { isTargetServed } from "../../page/languages/served-languages";
import { isBusy } from "../../page/recordings/recording-state";
import { languageName } from "../../settings/languages";
import { useLocale, useTexts } from "../../i18n/texts";
import { Controls, KEY_PROBLEMS } from "../Controls";
import { MicrophoneOptions } from "../MicrophoneOptions";
import { useStore } from "../useStore";
import { FileButton } from "./FileButton";

/** The controls of a live session, with the other sources of the page. */
export function PageControls({ page }: { page: Page }) {
  const { session } = page;
  const recording = useStore(page.recording);
  const state = useStore(session.connection);
  const input = useStore(page.input);
  const texts = useTexts();
  const canStart = !isRecording(state) && !isStopping(state);
  const needsKey = recording.phase === "failed" && KEY_PROBLEMS.has(recording.problem.code);
  return (
    <>
      <TargetWarning page={page} />
      <Controls
        session={session}
        languages={useStore(page.languages)}
        onMoreLanguages={() => page.dialog.set("languages")}
        source={<SourceChoice page={page} />}
        onKey={needsKey ? page.retryRecording : null}
        toggle={
          isBusy(recording) ? (
            <button type="button" className="toggle is-on" data-testid="toggle" onClick={page.cancelRecording}>
              {texts.controls.stop}
            </button>
          ) : input === "file" && canStart ? (
            <FileButton page={page} className="toggle" hasFocus>
              {texts.page.start.chooseFile}
            </FileButton>
          ) : null
        }
      />
    </>
  );
}

/** The chosen pair may not be installed, as after a change of the spoken language. */
function TargetWarning({ page }: { page: Page }) {
  const texts = useTexts().page.languages;
  const locale = useLocale();
  const { language, target } = useStore(page.session.settings);
  const languages = useStore(page.languages);
  if (target === "" || isTargetServed(languages, language, target)) return null;
  const from = language === "auto" ? texts.anyLanguage : languageName(language, locale);
  return (
    <p className="notice" role="status" data-testid="target-warning">
      <span>{texts.warning(from, languageName(target, locale))}</span>
      <button type="button" className="quiet" onClick={() => page.dialog.set("languages")}>
        {texts.more}
      </button>
    </p>
  );
}

/** A microphone, the audio of a tab or of the computer, or a file. */
function SourceChoice({ page }: { page: Page }) {
  const { session, input } = page;
  const { controls, page: texts } = useTexts();
  const { microphone } = useStore(session.settings);
  const microphones = useStore(session.microphones);
  const chosen = useStore(input);
  const isKnown = microphones.some(({ deviceId }) => deviceId === microphone);
  const state = useStore(session.connection);
  const isLive = isRecording(state) || isStopping(state);
  // Browsers without it, such as those on phones, offer microphones and files.
  const hasDisplay = isSecurePage() && "getDisplayMedia" in navigator.mediaDevices;
  const choose = (value: string) => {
    const [kind, deviceId] = parseChoice(value);
    input.set(kind);
    if (kind === "microphone" && deviceId !== microphone) session.updateSettings({ microphone: deviceId });
  };
  return (
    <label className="choice choice-microphone">
      <span className="choice-label">{texts.input.label}</span>
      <select
        data-testid="microphone"
        value={chosen === "microphone" ? `microphone:${isKnown ? microphone : ""}` : chosen}
        disabled={isLive && chosen !== "microphone"}
        onChange={(event) => choose(event.target.value)}
      >
        <optgroup label={texts.input.microphones}>
          <option value="microphone:">{controls.defaultMicrophone}</option>
          <MicrophoneOptions microphones={microphones} prefix="microphone:" />
        </optgroup>
        <optgroup label={texts.input.others}>
          {hasDisplay && (
            <option value="display" disabled={isLive}>
              {texts.input.display}
            </option>
          )}
          <option value="file" disabled={isLive}>
            {texts.input.file}
          </option>
        </optgroup>
      </select>
    </label>
  );
}

function parseChoice(value: string): readonly [Input, string] {
  if (value === "display" || value === "file") return [value, ""];
  return ["microphone", value.slice("microphone:".length)];
}
