import { formatAccelerator } from "../../settings/shortcut-keys";
import { isRecording } from "../../../client/src/session/connection-state";
import type { Desktop } from "../../desktop/desktop";
import { useTexts } from "../../i18n/texts";
import { useStore } from "../useStore";

/** Explains how to start, while there is no text. */
export function StartHint({ desktop }: { desktop: Desktop }) {
  const texts = useTexts();
  const { mode, holdShortcut, toggleShortcut } = useStore(desktop.session.settings);
  const { platform, typingProblem, shortcutProblem } = desktop.environment;
  const isOn = isRecording(useStore(desktop.session.connection));
  const keys = (shortcut: string) => formatAccelerator(shortcut, platform === "darwin");
  if (mode === "captions") {
    return (
      <div className="invitation">
        <p className="invitation-title">{isOn ? texts.transcript.goAhead : texts.desktop.caption}</p>
        <p>{texts.desktop.captionHint}</p>
      </div>
    );
  }
  return (
    <div className="invitation">
      <p className="invitation-title">{isOn ? texts.transcript.goAhead : texts.desktop.dictate}</p>
      {holdShortcut !== "" && <p>{texts.desktop.hold(keys(holdShortcut))}</p>}
      {toggleShortcut !== "" && <p>{texts.desktop.toggle(keys(toggleShortcut))}</p>}
      {typingProblem !== "" && <p className="caution">{typingProblem}</p>}
      {shortcutProblem !== "" && <p className="caution">{shortcutProblem}</p>}
    </div>
  );
}
