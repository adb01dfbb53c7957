/** All that a window has of the shell: `window.nova`. */
import { contextBridge, ipcRenderer } from "electron";
import type { Bridge } from "../src/desktop/bridge";
import type { Ask, Say, Told } from "../main/ipc/channels";
import { letDrag } from "./overlay-drag";

const nova: Bridge = {
  surroundings: () => ask("surroundings"),
  keep: (settings) => ask("keep", settings),
  keepKey: (key) => ask("keepKey", key),
  server: () => ask("server"),
  onServer: (listener) => on("server", listener),
  type: (text) => ask("type", text),
  sources: () => ask("sources"),
  onWish: (listener) => on("wish", listener),
  show: (little, state) => {
    say("show", little, state);
  },
  onShow: (listener) => on("show", listener),
  onMoved: (listener) => on("moved", listener),
  captionsAddress: () => ask("captionsAddress"),
  open: (url) => {
    say("open", url);
  },
};

contextBridge.exposeInMainWorld("nova", nova);
if (location.pathname === "/overlay.html") letDrag(say);

/** What went wrong is told without what Electron puts before it. */
async function ask<A extends Ask>(what: A, given?: unknown): Promise<Awaited<ReturnType<Bridge[A]>>> {
  try {
    return (await ipcRenderer.invoke(what, given)) as Awaited<ReturnType<Bridge[A]>>;
  } catch (error) {
    throw new Error(String(error).replace(/^.*Error invoking remote method '\w+': (\w*Error: )?/, ""));
  }
}

function say(what: Say, ...given: readonly unknown[]): void {
  ipcRenderer.send(what, ...given);
}

/** Returns what ends the listening. */
function on<W extends keyof Told>(what: W, listener: (value: Told[W]) => void): () => void {
  const heard = (_: unknown, value: Told[W]) => {
    listener(value);
  };
  ipcRenderer.on(what, heard);
  return () => {
    ipcRenderer.removeListener(what, heard);
  };
}
