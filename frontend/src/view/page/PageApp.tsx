import { useStore } from "../useStore";
import type { Page } from "../../page/page";
import { ConnectionStatus } from "../ConnectionStatus";
import { ExportMenu } from "../ExportMenu";
import { Notices } from "../Notices";
import { ShareDialog } from "../room/ShareDialog";
import { Transcript } from "../transcript/Transcript";
import { VoicesDialog } from "../voices/VoicesDialog";
import { useTexts } from "../../i18n/texts";
import { Announcements } from "./Announcements";
import { DropZone } from "./DropZone";
import { LanguagesDialog } from "./LanguagesDialog";
import { OptionsDialog } from "./OptionsDialog";
import { PageControls } from "./PageControls";
import { RecordingProgress } from "./RecordingProgress";
import { SessionsDialog } from "./SessionsDialog";
import { StartHint } from "./StartHint";

export function PageApp({ page }: { page: Page }) {
  const { session } = page;
  const { page: texts, room } = useTexts();
  const { share } = room;
  const isShared = useStore(page.sharing.share) !== null;
  return (
    <DropZone page={page}>
      <div className="page">
        <header className="top">
          <h1 className="wordmark">Nova Voice</h1>
          <ConnectionStatus session={session} busy={useStore(page.busy)} ignored={useStore(page.speakers.ignored)} />
          <nav className="top-menu">
            <button type="button" className="quiet" data-testid="sessions" onClick={() => page.dialog.set("sessions")}>
              {texts.sessions.title}
            </button>
            <button type="button" className="quiet" data-testid="share" onClick={() => page.dialog.set("share")}>
              {isShared ? share.inProgress : share.title}
            </button>
            <button type="button" className="quiet" data-testid="options" onClick={() => page.dialog.set("options")}>
              {texts.options.title}
            </button>
          </nav>
        </header>
        <PageTranscript page={page} />
        <footer className="dock">
          <Notices session={session} hidesLoad />
          <RecordingProgress page={page} />
          <PageExport page={page} />
          <PageControls page={page} />
        </footer>
        <Announcements announcements={page.announcements} />
      </div>
      <SessionsDialog page={page} />
      <OptionsDialog page={page} />
      <ShareDialog page={page} />
      <LanguagesDialog page={page} />
      <VoicesDialog page={page} />
    </DropZone>
  );
}

/** Each session has a transcript of its own, because utterances of different sessions have the same ids. */
function PageTranscript({ page }: { page: Page }) {
  const { ordinal } = useStore(page.library.current);
  return (
    <Transcript key={ordinal} session={page.session} edit={page.edit} rename={page.renameSpeaker}>
      <StartHint page={page} />
    </Transcript>
  );
}

function PageExport({ page }: { page: Page }) {
  const { session, library } = page;
  const canUndo = useStore(library.canUndoClear);
  const { title } = useStore(library.current);
  return (
    <ExportMenu
      captions={useStore(session.captions)}
      title={title}
      onClear={session.clear}
      clearLabel={useTexts().export.clear}
      onUndo={canUndo ? library.undoClear : null}
    />
  );
}
