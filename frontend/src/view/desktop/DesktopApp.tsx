import type { Desk, Tab } from "../../desktop/desktop";
import { useWords } from "../../i18n/texts";
import { Controls } from "../Controls";
import { Keep } from "../ExportMenu";
import { Notices } from "../Notices";
import { Transcript } from "../Transcript";
import { useStore } from "../useStore";
import { Health } from "./ServerHealth";
import { History } from "./History";
import { Invitation } from "./StartHint";
import { Modes } from "./ModeSwitch";
import { Settings } from "../settings/SettingsPage";
import { Setup } from "./SetupWizard";

const TABS: readonly Tab[] = ["speak", "history", "settings"];

export function DeskApp({ desk }: { desk: Desk }) {
  const { isSetUp } = useStore(desk.session.settings);
  const tab = useStore(desk.tab);
  if (!isSetUp) return <Setup desk={desk} />;
  return (
    <div className="page">
      <header className="top desk-top">
        <h1 className="wordmark">Nova Voice</h1>
        <Tabs desk={desk} />
        <Health desk={desk} />
      </header>
      {tab === "speak" && <Speak desk={desk} />}
      {tab === "history" && <History desk={desk} />}
      {tab === "settings" && <Settings desk={desk} />}
    </div>
  );
}

function Tabs({ desk }: { desk: Desk }) {
  const words = useWords().desk.tabs;
  const tab = useStore(desk.tab);
  return (
    <nav className="tabs">
      {TABS.map((name) => (
        <button
          key={name}
          type="button"
          className="tab"
          aria-current={tab === name ? "page" : undefined}
          data-testid={`tab-${name}`}
          onClick={() => {
            desk.tab.set(name);
          }}
        >
          {words[name]}
        </button>
      ))}
    </nav>
  );
}

function Speak({ desk }: { desk: Desk }) {
  const { session } = desk;
  return (
    <>
      <Transcript session={session}>
        <Invitation desk={desk} />
      </Transcript>
      <footer className="dock">
        <Notices session={session} />
        <div className="dock-row">
          <Modes desk={desk} />
          <Keep session={session} />
        </div>
        <Controls session={session} />
      </footer>
    </>
  );
}
