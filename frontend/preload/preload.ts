/** Exposes the shell to its windows as `window.nova`. */
import { contextBridge, ipcRenderer } from "electron";
import type { MessageChannel, RequestChannel, WindowEvents } from "../main/ipc/channels";
import type { ShellBridge } from "../src/desktop/bridge";
import { enableOverlayDrag } from "./overlay-drag";

const nova: ShellBridge = {
  environment: () => request("environment"),
  saveSettings: (settings) => request("saveSettings", settings),
  saveKey: (key) => request("saveKey", key),
  server: () => request("server"),
  onServerState: (listener) => on("serverState", listener),
  typeText: (text) => request("typeText", text),
  audioSources: () => request("audioSources"),
  onUserAction: (listener) => on("userAction", listener),
  showOverlay: (target, content) => send("showOverlay", target, content),
  onOverlayContent: (listener) => on("overlayContent", listener),
  onOverlayMoved: (listener) => on("overlayMoved", listener),
  captionsAddress: () => request("captionsAddress"),
  voices: () => request("voices"),
  openExternal: (url) => send("openExternal", url),
};

contextBridge.exposeInMainWorld("nova", nova);
if (location.pathname === "/overlay.html") enableOverlayDrag(send);

/** Removes the prefix that Electron adds to error messages. */
async function request<C extends RequestChannel>(
  channel: C,
  argument?: unknown,
): Promise<Awaited<ReturnType<ShellBridge[C]>>> {
  try {
    return (await ipcRenderer.invoke(channel, argument)) as Awaited<ReturnType<ShellBridge[C]>>;
  } catch (error) {
    throw new Error(String(error).replace(/^.*Error invoking remote method '\w+': (\w*Error: )?/, ""));
  }
}

function send(channel: MessageChannel, ...args: readonly unknown[]): void {
  ipcRenderer.send(channel, ...args);
}

/** Returns a function that unsubscribes. */
function on<E extends keyof WindowEvents>(event: E, listener: (value: WindowEvents[E]) => void): () => void {
  const handler = (_: unknown, value: WindowEvents[E]) => listener(value);
  ipcRenderer.on(event, handler);
  return () => ipcRenderer.removeListener(event, handler);
}
