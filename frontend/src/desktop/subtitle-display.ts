/** Subtitles over other windows, and in other programs. */
import type { Bridge, Little } from "./bridge";
import { isRecording } from "../../client/src/session/connection-state";
import { caughtUp, noSubtitles, subtitled, type Look, type Subtitles } from "../subtitles/subtitles";
import { wordsOf, type Locale } from "../i18n/texts";
import type { Session } from "../session/session";
import { looksOf, overlayOf } from "./overlay-content";

/** How often the time is looked at while lines stand. */
const TICK_MS = 250;

export function captioner(nova: Bridge, session: Session, locale: () => Locale): { draw: () => void } {
  let spoken = noSubtitles;
  let translation = noSubtitles;
  let ticking: ReturnType<typeof setInterval> | undefined;
  const drawn: Partial<Record<Little, string>> = {};

  function draw(): void {
    const settings = session.settings.get();
    const { subtitles } = settings;
    const isOn = settings.mode === "captions";
    const looks = looksOf(settings);
    spoken = advanced(spoken, isOn ? looks.spoken : null);
    translation = advanced(translation, isOn ? looks.translation : null);
    const isStanding = isOn && (spoken.lines.length > 0 || translation.lines.length > 0);
    const isSpeaking = isOn && isRecording(session.connection.get());
    const isMovable = isOn && !subtitles.isLocked;
    const hint = isMovable && !isStanding ? wordsOf(locale()).desk.move : "";
    const overlay = overlayOf(looks.spoken && spoken, looks.translation && translation, subtitles, hint);
    const picture = isStanding || isSpeaking || isMovable ? JSON.stringify(overlay) : null;
    tell("overlay", subtitles.isOnScreen ? picture : null);
    tell("stream", subtitles.isServed && isOn ? JSON.stringify({ ...overlay, hint: "" }) : null);
    tick(isStanding);
  }

  function advanced(before: Subtitles, look: Look | null): Subtitles {
    const captions = session.captions.get();
    return look === null ? caughtUp(captions) : subtitled(before, captions, look, performance.now());
  }

  function tell(little: Little, picture: string | null): void {
    if (drawn[little] === (picture ?? "")) return;
    drawn[little] = picture ?? "";
    nova.show(little, picture);
  }

  function tick(isStanding: boolean): void {
    if (isStanding === (ticking !== undefined)) return;
    clearInterval(ticking);
    ticking = isStanding ? setInterval(draw, TICK_MS) : undefined;
  }

  for (const store of [session.captions, session.settings, session.connection]) store.subscribe(draw);
  return { draw };
}
