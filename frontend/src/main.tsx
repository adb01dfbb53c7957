import { StrictMode, type ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { serverAddress } from "./server/page-server";
import { createSession } from "./session/session";
import { keptSettings } from "./settings/browser-storage";
import { App } from "./view/App";
import { Frame } from "./view/Appearance";
import "./view/styles/page.css";
import "./view/styles/transcript.css";
import "./view/styles/dock.css";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
const draw = (content: ReactNode) => {
  createRoot(root).render(<StrictMode>{content}</StrictMode>);
};

/** In the desktop client's window there is a shell to speak to; in a browser there is the page. */
if (window.nova === undefined) {
  const server = serverAddress(location);
  const settings = keptSettings(server.host);
  const session = createSession({
    settings,
    server: () => Promise.resolve({ url: server.url, key: settings.get().key }),
    elsewhere: server.isElsewhere ? server.host : "",
  });
  draw(
    <Frame settings={settings}>
      <App session={session} />
    </Frame>,
  );
} else {
  const shell = window.nova;
  void import("./view/desktop/open").then(({ openDesk }) => openDesk(shell)).then(draw);
}
