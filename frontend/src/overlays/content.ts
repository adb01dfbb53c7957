/** What the overlay windows draw, exchanged as JSON. */
import type { SubtitleSettings } from "../settings/settings";
import type { SubtitleLine } from "../subtitles/layout";

/** The bubble that shows dictated text until it is typed. */
export interface BubbleContent {
  readonly tone: "wait" | "listen" | "type" | "error";
  /** In the interface language. */
  readonly status: string;
  readonly committed: string;
  readonly tentative: string;
  readonly language: string;
  /** 0 to 1 */
  readonly level: number;
}

/** Subtitles, on the screen or in another program. */
export interface OverlayContent {
  readonly texts: readonly OverlayText[];
  readonly look: Pick<
    SubtitleSettings,
    "lines" | "size" | "color" | "background" | "opacity" | "position" | "isLocked"
  >;
  /** Shown while there are no subtitles and the overlay can be moved; "" for none. */
  readonly hint: string;
}

export interface OverlayText {
  readonly kind: "spoken" | "translation";
  readonly lines: readonly SubtitleLine[];
}
