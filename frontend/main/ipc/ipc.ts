/** Handles IPC from windows. Only our own pages are served, and each only on the channels that it may use. */
import { desktopCapturer, ipcMain, type IpcMainEvent, type IpcMainInvokeEvent } from "electron";
import type { DesktopAudioSource, ShellBridge } from "../../src/desktop/bridge";
import { isAppUrl } from "../pages/app-paths";
import type { MessageChannel, RequestChannel } from "./channels";

type IsAllowed = (event: IpcMainEvent | IpcMainInvokeEvent) => boolean;

export function handleRequest<C extends RequestChannel>(
  channel: C,
  isAllowed: IsAllowed,
  handler: (argument: unknown) => ReturnType<ShellBridge[C]>,
): void {
  ipcMain.handle(channel, (event, argument: unknown) => {
    if (!isAppPage(event) || !isAllowed(event)) throw new Error(`This window may not use the channel ${channel}.`);
    return handler(argument);
  });
}

/** Invalid messages are logged and ignored. */
export function handleMessage(
  channel: MessageChannel,
  isAllowed: IsAllowed,
  handler: (...args: readonly unknown[]) => void,
): void {
  ipcMain.on(channel, (event, ...args: readonly unknown[]) => {
    if (!isAppPage(event) || !isAllowed(event)) return;
    try {
      handler(...args);
    } catch (error) {
      console.error(`${channel}: ${String(error)}`);
    }
  });
}

const isAppPage: IsAllowed = (event) => isAppUrl(event.senderFrame?.url ?? "");

/** Lists the whole computer and each window as audio sources. */
export async function listAudioSources(): Promise<readonly DesktopAudioSource[]> {
  const found = await desktopCapturer.getSources({
    types: ["screen", "window"],
    thumbnailSize: { width: 0, height: 0 },
  });
  return found.map(({ id, name }) => ({ id, name, kind: id.startsWith("screen:") ? "system" : "window" }));
}
