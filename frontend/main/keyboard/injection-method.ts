/** Chooses how to type into other programs. Pure. */
import type { Platform, TypingMethod } from "../../src/desktop/bridge";
import type { ShellTexts } from "../i18n/texts";

export interface SystemFacts {
  readonly platform: Platform;
  readonly display: "x11" | "wayland" | "none";
  /** Which of the supported commands are installed. */
  readonly commands: ReadonlySet<string>;
  /** macOS: whether the user has granted the Accessibility permission. */
  readonly isTrusted: boolean;
}

export type KeyboardKind = "x11" | "wtype" | "ydotool" | "windows" | "macos";

export interface InjectionMethod {
  /** The best first. If one cannot type a text, the next one is tried. */
  readonly keyboards: readonly KeyboardKind[];
  readonly typing: TypingMethod;
  readonly problem: keyof ShellTexts | null;
}

export function chooseMethod({ platform, display, commands, isTrusted }: SystemFacts): InjectionMethod {
  if (platform === "win32") return { keyboards: ["windows"], typing: "direct", problem: null };
  if (platform === "darwin")
    return isTrusted ? { keyboards: ["macos"], typing: "direct", problem: null } : none("noAccessibility");
  if (display === "x11") return { keyboards: ["x11"], typing: "direct", problem: null };
  if (display === "none") return none("noTyping");
  const keyboards = (["wtype", "ydotool"] as const).filter((command) => commands.has(command));
  if (keyboards.length === 0) return none("noWaylandTyping");
  return { keyboards, typing: keyboards[0] === "wtype" ? "direct" : "paste", problem: null };
}

const none = (problem: keyof ShellTexts): InjectionMethod => ({ keyboards: [], typing: "none", problem });

/** Detects the display server. XWayland's DISPLAY is ignored, because its keys reach X programs only. */
export function displayOf(environment: Readonly<Record<string, string | undefined>>): SystemFacts["display"] {
  if (environment.WAYLAND_DISPLAY) return "wayland";
  return environment.DISPLAY ? "x11" : "none";
}
