/** What the little windows show, made of what a session knows. Pure. */
import type { Utterance } from "../transcript/captions";
import { trouble, type State } from "../../client/src/session/connection-state";
import type { Bubble, Overlay, OverlayText } from "../overlays/content";
import type { Settings, SubtitleSettings } from "../settings/settings";
import type { Look, Subtitles } from "../subtitles/subtitles";
import { told, wordsOf, type Locale } from "../i18n/texts";

/** The bubble while someone dictates. `utterance`: what is being said, or was last. */
export function bubbleOf(
  state: State,
  isTalking: boolean,
  utterance: Utterance | undefined,
  level: number,
  locale: Locale,
): Bubble {
  const words = wordsOf(locale);
  const said = {
    firm: utterance?.committed ?? "",
    faint: utterance?.tentative ?? "",
    language: utterance?.language ?? "",
    level: isTalking ? Math.round(level * 10) / 10 : 0,
  };
  if (state.phase === "failed") {
    const { message, advice } = told(state.why, locale);
    return { ...said, tone: "error", status: `${message} ${advice}` };
  }
  if (trouble(state) !== null)
    return { ...said, tone: "wait", status: `${words.status.reconnecting} ${words.notices.tryingAgain}` };
  if (!isTalking) return { ...said, tone: "type", status: words.desk.typing };
  return state.phase === "listening" || state.phase === "connecting"
    ? { ...said, tone: "listen", status: words.status.listening }
    : { ...said, tone: "wait", status: words.status.opening };
}

/** How the spoken text and its translation are to be folded; null: not shown. */
export function looksOf({ subtitles, target }: Settings): {
  readonly spoken: Look | null;
  readonly translation: Look | null;
} {
  const { lines, pace, isSteady, show } = subtitles;
  const look = { lines, pace, isSteady };
  const hasTranslation = target !== "" && show !== "spoken";
  return {
    spoken: show === "translation" && target !== "" ? null : { ...look, language: "" },
    translation: hasTranslation ? { ...look, language: target } : null,
  };
}

export function overlayOf(
  spoken: Subtitles | null,
  translation: Subtitles | null,
  look: SubtitleSettings,
  hint: string,
): Overlay {
  const { lines, size, color, background, opacity, position, isLocked } = look;
  const texts: OverlayText[] = [];
  if (spoken !== null) texts.push({ kind: "spoken", lines: spoken.lines });
  if (translation !== null) texts.push({ kind: "translation", lines: translation.lines });
  return { texts, look: { lines, size, color, background, opacity, position, isLocked }, hint };
}
