/** Computes what the overlay windows show from the state of the session. Pure. */
import { visibleProblem, type ConnectionState } from "../../client/src/session/connection-state";
import { describeProblem, textsFor, type Locale } from "../i18n/texts";
import type { BubbleContent, OverlayContent, OverlayText } from "../overlays/content";
import type { Settings, SubtitleSettings } from "../settings/settings";
import type { SubtitleOptions } from "../subtitles/layout";
import type { Subtitles } from "../subtitles/subtitles";
import type { Utterance } from "../transcript/captions";
import type { Speaker } from "../transcript/speakers/labels";

/** @param utterance The current or the last utterance. */
export function bubbleContent(
  state: ConnectionState,
  isTalking: boolean,
  utterance: Utterance | undefined,
  level: number,
  locale: Locale,
): BubbleContent {
  const texts = textsFor(locale);
  const content = {
    committed: utterance?.committed ?? "",
    tentative: utterance?.tentative ?? "",
    language: utterance?.language ?? "",
    // In steps of 10 %, because each change is sent to another process.
    level: isTalking ? Math.round(level * 10) / 10 : 0,
  };
  if (state.phase === "failed") {
    const { message, advice } = describeProblem(state.problem, locale);
    return { ...content, tone: "error", status: `${message} ${advice}` };
  }
  if (visibleProblem(state) !== null)
    return { ...content, tone: "wait", status: `${texts.status.reconnecting} ${texts.notices.retrying}` };
  if (!isTalking) return { ...content, tone: "type", status: texts.desktop.typing };
  return state.phase === "listening" || state.phase === "connecting"
    ? { ...content, tone: "listen", status: texts.status.listening }
    : { ...content, tone: "wait", status: texts.status.opening };
}

/**
 * Options for the spoken text and for its translation; null for a text that is not shown. Names of speakers are in one
 * of them.
 */
export function subtitleOptions(
  { subtitles, target, speakers }: Settings,
  nameOf: (speaker: Speaker) => string,
): {
  readonly spoken: SubtitleOptions | null;
  readonly translation: SubtitleOptions | null;
} {
  const { lines, pace, isSteady, show } = subtitles;
  const options = { lines, pace, isSteady };
  const hasTranslation = target !== "" && show !== "spoken";
  const named = speakers ? { nameOf } : {};
  const isTranslationOnly = hasTranslation && show === "translation";
  return {
    spoken: isTranslationOnly ? null : { ...options, ...named, language: "" },
    translation: hasTranslation ? { ...options, ...(isTranslationOnly ? named : {}), language: target } : null,
  };
}

export function overlayContent(
  spoken: Subtitles | null,
  translation: Subtitles | null,
  look: SubtitleSettings,
  hint: string,
): OverlayContent {
  const { lines, size, color, background, opacity, position, isLocked } = look;
  const texts: OverlayText[] = [];
  if (spoken !== null) texts.push({ kind: "spoken", lines: spoken.lines });
  if (translation !== null) texts.push({ kind: "translation", lines: translation.lines });
  return { texts, look: { lines, size, color, background, opacity, position, isLocked }, hint };
}
