import type { Desktop, Tab } from "../../desktop/desktop";
import { useTexts } from "../../i18n/texts";
import { Controls } from "../Controls";
import { SessionExport } from "../ExportMenu";
import { Notices } from "../Notices";
import { ShareDialog } from "../room/ShareDialog";
import { Transcript } from "../transcript/Transcript";
import { useStore } from "../useStore";
import { ServerHealth } from "./ServerHealth";
import { History } from "./History";
import { StartHint } from "./StartHint";
import { ModeSwitch } from "./ModeSwitch";
import { SettingsPage } from "../settings/SettingsPage";
import { SetupWizard } from "./SetupWizard";

const TABS: readonly Tab[] = ["speak", "history", "settings"];

export function DesktopApp({ desktop }: { desktop: Desktop }) {
  const { isSetUp } = useStore(desktop.session.settings);
  const tab = useStore(desktop.tab);
  if (!isSetUp) return <SetupWizard desktop={desktop} />;
  return (
    <div className="page">
      <header className="top desktop-header">
        <h1 className="wordmark">Nova Voice</h1>
        <Tabs desktop={desktop} />
        <ServerHealth desktop={desktop} />
      </header>
      {tab === "speak" && <SpeakTab desktop={desktop} />}
      {tab === "history" && <History desktop={desktop} />}
      {tab === "settings" && <SettingsPage desktop={desktop} />}
    </div>
  );
}

function Tabs({ desktop }: { desktop: Desktop }) {
  const texts = useTexts().desktop.tabs;
  const tab = useStore(desktop.tab);
  return (
    <nav className="tabs">
      {TABS.map((name) => (
        <button
          key={name}
          type="button"
          className="tab"
          aria-current={tab === name ? "page" : undefined}
          data-testid={`tab-${name}`}
          onClick={() => desktop.tab.set(name)}
        >
          {texts[name]}
        </button>
      ))}
    </nav>
  );
}

function SpeakTab({ desktop }: { desktop: Desktop }) {
  const { session } = desktop;
  return (
    <>
      <Transcript session={session}>
        <StartHint desktop={desktop} />
      </Transcript>
      <footer className="dock">
        <Notices session={session} />
        <div className="dock-row">
          <ModeSwitch desktop={desktop} />
          <ShareButton desktop={desktop} />
          <SessionExport session={session} />
        </div>
        <Controls session={session} />
      </footer>
      <ShareDialog page={desktop} />
    </>
  );
}

/** Subtitles can be shared. What is typed cannot. */
function ShareButton({ desktop }: { desktop: Desktop }) {
  const texts = useTexts().room.share;
  const { mode } = useStore(desktop.session.settings);
  const isShared = useStore(desktop.sharing.share) !== null;
  if (mode !== "captions") return null;
  return (
    <button type="button" className="small" data-testid="share" onClick={() => desktop.dialog.set("share")}>
      {isShared ? texts.inProgress : texts.title}
    </button>
  );
}
