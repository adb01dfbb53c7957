/** What pages may ask for, and where they may lead: as little as they need. */
import { app, desktopCapturer, shell, type Session, type WebContents } from "electron";
import { originFor } from "./request-origin";
import { isOurs } from "./app-paths";

const ALLOWED: ReadonlySet<string> = new Set(["media", "display-capture", "clipboard-sanitized-write"]);

/** Named permissions for our own pages; nothing for anyone else, should anyone else ever get in. */
export function grant(session: Session): void {
  session.setPermissionRequestHandler((contents, permission, answer) => {
    answer(ALLOWED.has(permission) && isOurs(contents.getURL()));
  });
  session.setPermissionCheckHandler((contents, permission) => ALLOWED.has(permission) && isOurs(contents?.getURL() ?? ""));
  session.setDisplayMediaRequestHandler((_, answer) => {
    void desktopCapturer.getSources({ types: ["screen"] }).then(([screen]) => {
      answer(screen === undefined ? {} : { video: screen, audio: "loopback" });
    });
  });
}

/**
 * A gateway believes pages that it served itself, and none of an origin `app:`. Ours say that they come from the gateway: who
 * may speak to it is for its keys to tell.
 */
export function introduce(session: Session): void {
  session.webRequest.onBeforeSendHeaders({ urls: ["ws://*/*", "wss://*/*"] }, ({ url, requestHeaders }, answer) => {
    answer({ requestHeaders: { ...requestHeaders, Origin: originFor(url) } });
  });
}

/** No page leads away from ours, opens a window, or holds another one. */
export function confine(): void {
  app.on("web-contents-created", (_, contents: WebContents) => {
    contents.on("will-navigate", (event, url) => {
      if (!isOurs(url)) event.preventDefault();
    });
    contents.on("will-attach-webview", (event) => {
      event.preventDefault();
    });
    contents.setWindowOpenHandler(({ url }) => {
      openOutside(url);
      return { action: "deny" };
    });
  });
}

/** In the person's browser; https only. */
export function openOutside(url: string): void {
  if (URL.canParse(url) && new URL(url).protocol === "https:") void shell.openExternal(url);
}
