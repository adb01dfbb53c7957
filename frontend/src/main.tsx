import { StrictMode, type ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { pageServer } from "./server/page-server";
import { createSession } from "./session/session";
import { loadSettings } from "./settings/browser-storage";
import { App } from "./view/App";
import { Appearance } from "./view/Appearance";
import "./view/styles/page.css";
import "./view/styles/transcript.css";
import "./view/styles/dock.css";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
const draw = (content: ReactNode) => createRoot(root).render(<StrictMode>{content}</StrictMode>);

// The preload script of the desktop client defines `nova`.
if (window.nova === undefined) {
  const server = pageServer(location);
  const settings = loadSettings(server.host);
  const session = createSession({
    settings,
    server: () => Promise.resolve({ url: server.url, key: settings.get().key }),
    remoteHost: server.isOtherHost ? server.host : "",
  });
  draw(
    <Appearance settings={settings}>
      <App session={session} />
    </Appearance>,
  );
} else {
  const shell = window.nova;
  void import("./view/desktop/open").then(({ openDesktop }) => openDesktop(shell)).then(draw);
}
