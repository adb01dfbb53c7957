import { readable } from "../../settings/shortcut-keys";
import { isRecording } from "../../../client/src/session/connection-state";
import type { Desk } from "../../desktop/desktop";
import { useWords } from "../../i18n/texts";
import { useStore } from "../useStore";

/** What to do, before anything is said. */
export function Invitation({ desk }: { desk: Desk }) {
  const words = useWords();
  const { mode, holdShortcut, toggleShortcut } = useStore(desk.session.settings);
  const { platform, typingProblem, shortcutProblem } = desk.surroundings;
  const isOn = isRecording(useStore(desk.session.connection));
  const keys = (written: string) => readable(written, platform === "darwin");
  if (mode === "captions") {
    return (
      <div className="invitation">
        <p className="invitation-title">{isOn ? words.transcript.goAhead : words.desk.caption}</p>
        <p>{words.desk.captionHow}</p>
      </div>
    );
  }
  return (
    <div className="invitation">
      <p className="invitation-title">{isOn ? words.transcript.goAhead : words.desk.dictate}</p>
      {holdShortcut !== "" && <p>{words.desk.hold(keys(holdShortcut))}</p>}
      {toggleShortcut !== "" && <p>{words.desk.toggle(keys(toggleShortcut))}</p>}
      {typingProblem !== "" && <p className="caution">{typingProblem}</p>}
      {shortcutProblem !== "" && <p className="caution">{shortcutProblem}</p>}
    </div>
  );
}
