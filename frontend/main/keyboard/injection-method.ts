/** By which keyboards this computer lets us type. Pure. */
import type { Platform, Typing } from "../../src/desktop/bridge";
import type { Words } from "../i18n/texts";

export interface Facts {
  readonly platform: Platform;
  readonly display: "x11" | "wayland" | "none";
  /** Which of the commands that we know are installed. */
  readonly commands: ReadonlySet<string>;
  /** macOS: whether the person has allowed us to press keys. */
  readonly isTrusted: boolean;
}

export type Way = "x11" | "wtype" | "ydotool" | "windows" | "macos";

export interface Choice {
  /** The best first; each that cannot type a text leaves it to the next. */
  readonly ways: readonly Way[];
  readonly typing: Typing;
  readonly problem: keyof Words | null;
}

export function choose({ platform, display, commands, isTrusted }: Facts): Choice {
  if (platform === "win32") return { ways: ["windows"], typing: "direct", problem: null };
  if (platform === "darwin") return isTrusted ? { ways: ["macos"], typing: "direct", problem: null } : none("noAccessibility");
  if (display === "x11") return { ways: ["x11"], typing: "direct", problem: null };
  if (display === "none") return none("noTyping");
  const ways = (["wtype", "ydotool"] as const).filter((command) => commands.has(command));
  if (ways.length === 0) return none("noWaylandTyping");
  return { ways, typing: ways[0] === "wtype" ? "direct" : "paste", problem: null };
}

const none = (problem: keyof Words): Choice => ({ ways: [], typing: "none", problem });

/** What the environment says of the screen. XWayland's DISPLAY does not count: its keys reach X programs alone. */
export function displayOf(environment: Readonly<Record<string, string | undefined>>): Facts["display"] {
  if (environment.WAYLAND_DISPLAY) return "wayland";
  return environment.DISPLAY ? "x11" : "none";
}
