/** What the little windows draw, as JSON: the bubble beside the tray, and the subtitles on the screen or in another program. */
import type { SubtitleSettings } from "../settings/settings";
import type { Line } from "../subtitles/subtitles";

export interface Bubble {
  readonly tone: "wait" | "listen" | "type" | "error";
  /** What goes on, or what is the matter, in the interface's language. */
  readonly status: string;
  readonly firm: string;
  readonly faint: string;
  readonly language: string;
  /** 0 to 1 */
  readonly level: number;
}

export interface Overlay {
  readonly texts: readonly OverlayText[];
  readonly look: Pick<
    SubtitleSettings,
    "lines" | "size" | "color" | "background" | "opacity" | "position" | "isLocked"
  >;
  /** What stands there while nothing is said and it can be moved; "" for nothing. */
  readonly hint: string;
}

export interface OverlayText {
  readonly kind: "spoken" | "translation";
  readonly lines: readonly Line[];
}
