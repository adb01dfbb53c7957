/** Names of the IPC channels between windows and the main process. */
import type { OverlayPlacement, ServerState, UserAction } from "../../src/desktop/bridge";

/** Requests from a window, with a response. */
export type RequestChannel =
  "environment" | "saveSettings" | "saveKey" | "server" | "typeText" | "audioSources" | "captionsAddress" | "voices";

/** Messages from a window, without a response. */
export type MessageChannel = "showOverlay" | "openExternal" | "drag" | "dragEnd";

/** Messages to a window. */
export interface WindowEvents {
  readonly serverState: ServerState;
  readonly userAction: UserAction;
  readonly overlayContent: string;
  readonly overlayMoved: OverlayPlacement;
}
