/** Command line options such as `nova-voice --toggle`, which are passed to the running program. Pure. */
import type { UserAction } from "../../src/desktop/bridge";

const ACTIONS: readonly UserAction[] = ["toggle", "subtitles", "settings", "quit"];

export function actionFrom(args: readonly string[]): UserAction | null {
  return ACTIONS.find((action) => args.includes(`--${action}`)) ?? null;
}

/** Starts without showing the main window. */
export const HIDDEN = "--hidden";
