/** Restricts what pages may do to what they need. */
import { app, desktopCapturer, shell, type Session, type WebContents } from "electron";
import { originFor } from "./request-origin";
import { isAppUrl } from "./app-paths";

const ALLOWED: ReadonlySet<string> = new Set(["media", "display-capture", "clipboard-sanitized-write"]);

/** Grants a few permissions to our own pages, and none to any other page. */
export function allowPermissions(session: Session): void {
  session.setPermissionRequestHandler((contents, permission, answer) =>
    answer(ALLOWED.has(permission) && isAppUrl(contents.getURL())),
  );
  session.setPermissionCheckHandler(
    (contents, permission) => ALLOWED.has(permission) && isAppUrl(contents?.getURL() ?? ""),
  );
  session.setDisplayMediaRequestHandler((_, answer) => {
    void desktopCapturer
      .getSources({ types: ["screen"] })
      .then(([screen]) => answer(screen === undefined ? {} : { video: screen, audio: "loopback" }));
  });
}

/**
 * Sends the server's own origin with WebSocket requests.
 *
 * A gateway rejects cross-origin requests, to protect users from malicious web pages. Ours are no web pages; access is
 * controlled by API keys.
 */
export function setRequestOrigin(session: Session): void {
  session.webRequest.onBeforeSendHeaders({ urls: ["ws://*/*", "wss://*/*"] }, ({ url, requestHeaders }, answer) =>
    answer({ requestHeaders: { ...requestHeaders, Origin: originFor(url) } }),
  );
}

/** Prevents navigation to other pages, new windows and webviews. */
export function restrictNavigation(): void {
  app.on("web-contents-created", (_, contents: WebContents) => {
    contents.on("will-navigate", (event, url) => {
      if (!isAppUrl(url)) event.preventDefault();
    });
    contents.on("will-attach-webview", (event) => event.preventDefault());
    contents.setWindowOpenHandler(({ url }) => {
      openExternal(url);
      return { action: "deny" };
    });
  });
}

/** Opens an https URL in the user's browser; others are ignored. */
export function openExternal(url: string): void {
  if (URL.canParse(url) && new URL(url).protocol === "https:") void shell.openExternal(url);
}
