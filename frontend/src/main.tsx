import { StrictMode, type ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { prefetchWorklet } from "./capture/capture";
import { createPage } from "./page/page";
import { pageServer } from "./server/page-server";
import { loadSettings } from "./settings/browser-storage";
import { Appearance } from "./view/Appearance";
import { PageApp } from "./view/page/PageApp";
import "./view/styles/page.css";
import "./view/styles/transcript.css";
import "./view/styles/speakers.css";
import "./view/styles/dock.css";
import "./view/styles/fields.css";
import "./view/styles/dialogs.css";
import "./view/styles/voices.css";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
const draw = (content: ReactNode) => createRoot(root).render(<StrictMode>{content}</StrictMode>);

// The preload script of the desktop client defines `nova`.
if (window.nova === undefined) {
  const server = pageServer(location);
  const settings = loadSettings(server.host);
  const page = createPage(settings, server);
  prefetchWorklet();
  draw(
    <Appearance settings={settings}>
      <PageApp page={page} />
    </Appearance>,
  );
} else {
  const shell = window.nova;
  void import("./view/desktop/open").then(({ openDesktop }) => openDesktop(shell)).then(draw);
}
