import { isRecording } from "../../../client/src/session/connection-state";
import type { Page } from "../../page/page";
import { isBusy } from "../../page/recordings/recording-state";
import { useTexts } from "../../i18n/texts";
import { useStore } from "../useStore";
import { FileButton } from "./FileButton";

/** Explains how to start, while there is no text. */
export function StartHint({ page }: { page: Page }) {
  const { transcript, page: texts } = useTexts();
  const isOn = isRecording(useStore(page.session.connection));
  const isTranscribing = isBusy(useStore(page.recording));
  const isDisplay = useStore(page.input) === "display";
  if (isTranscribing) return null;
  return (
    <div className="invitation">
      <p className="invitation-title">{isOn ? transcript.goAhead : transcript.pressStart}</p>
      <p>{isDisplay && !isOn ? texts.input.displayHint : transcript.howItWorks}</p>
      {!isOn && (
        <p className="invitation-file">
          {texts.start.orFile}{" "}
          <FileButton page={page} className="link">
            {texts.start.chooseFile}
          </FileButton>
          <br />
          <span className="drop-advice">{texts.start.orDrop}</span>
        </p>
      )}
    </div>
  );
}
