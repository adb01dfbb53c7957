/** What windows may ask for. Only our own pages are heard, and each only for what is its own. */
import { desktopCapturer, ipcMain, type IpcMainEvent, type IpcMainInvokeEvent } from "electron";
import type { Bridge, Source } from "../../src/desktop/bridge";
import type { Ask, Say } from "./channels";
import { isOurs } from "../pages/app-paths";

type May = (event: IpcMainEvent | IpcMainInvokeEvent) => boolean;

/** The answer to a question of a window that may ask it. */
export function answer<A extends Ask>(ask: A, may: May, give: (given: unknown) => ReturnType<Bridge[A]>): void {
  ipcMain.handle(ask, (event, given: unknown) => {
    if (!isPage(event) || !may(event)) throw new Error(`not for this window: ${ask}`);
    return give(given);
  });
}

/** A message that makes no sense is not heeded. */
export function hear(say: Say, may: May, heed: (...given: readonly unknown[]) => void): void {
  ipcMain.on(say, (event, ...given: readonly unknown[]) => {
    if (!isPage(event) || !may(event)) return;
    try {
      heed(...given);
    } catch (error) {
      console.error(`${say}: ${String(error)}`);
    }
  });
}

const isPage: May = (event) => isOurs(event.senderFrame?.url ?? "");

/** What can be heard beside a microphone: the computer itself, and each window. */
export async function sources(): Promise<readonly Source[]> {
  const found = await desktopCapturer.getSources({ types: ["screen", "window"], thumbnailSize: { width: 0, height: 0 } });
  return found.map(({ id, name }) => ({ id, name, kind: id.startsWith("screen:") ? "system" : "window" }));
}
