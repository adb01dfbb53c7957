/** Subtitles in the overlay window and in other programs. */
import { isRecording } from "../../client/src/session/connection-state";
import { textsFor, type Locale } from "../i18n/texts";
import type { Session } from "../session/session";
import { emptySubtitles, startAfter, updateSubtitles } from "../subtitles/subtitles";
import type { SubtitleOptions } from "../subtitles/layout";
import type { Subtitles } from "../subtitles/subtitles";
import { speakerName, type Speaker } from "../transcript/speakers/labels";
import type { OverlayTarget, ShellBridge } from "./bridge";
import { overlayContent, subtitleOptions } from "./overlay-content";

// How often to check whether visible lines must roll up or disappear.
const TICK_MS = 250;

export function createSubtitleDisplay(
  shell: ShellBridge,
  session: Session,
  locale: () => Locale,
): { draw: () => void } {
  let spoken = emptySubtitles;
  let translation = emptySubtitles;
  let timer: ReturnType<typeof setInterval> | undefined;
  const shown: Partial<Record<OverlayTarget, string>> = {};

  function draw(): void {
    const settings = session.settings.get();
    const { subtitles } = settings;
    const isOn = settings.mode === "captions";
    const options = subtitleOptions(settings, nameOf);
    spoken = advance(spoken, isOn ? options.spoken : null);
    translation = advance(translation, isOn ? options.translation : null);
    const hasLines = isOn && (spoken.lines.length > 0 || translation.lines.length > 0);
    const isSpeaking = isOn && isRecording(session.connection.get());
    const isMovable = isOn && !subtitles.isLocked;
    const hint = isMovable && !hasLines ? textsFor(locale()).desktop.move : "";
    const content = overlayContent(options.spoken && spoken, options.translation && translation, subtitles, hint);
    const isVisible = hasLines || isSpeaking || isMovable;
    show("overlay", isVisible && subtitles.isOnScreen ? JSON.stringify(content) : null);
    show("stream", subtitles.isServed && isOn ? JSON.stringify({ ...content, hint: "" }) : null);
    setTicking(hasLines);
  }

  const nameOf = (speaker: Speaker) => speakerName(speaker, textsFor(locale()).speakers.numbered);

  function advance(before: Subtitles, options: SubtitleOptions | null): Subtitles {
    const captions = session.captions.get();
    return options === null ? startAfter(captions) : updateSubtitles(before, captions, options, performance.now());
  }

  function show(target: OverlayTarget, content: string | null): void {
    if (shown[target] === (content ?? "")) return;
    shown[target] = content ?? "";
    shell.showOverlay(target, content);
  }

  function setTicking(isTicking: boolean): void {
    if (isTicking === (timer !== undefined)) return;
    clearInterval(timer);
    timer = isTicking ? setInterval(draw, TICK_MS) : undefined;
  }

  for (const store of [session.captions, session.settings, session.connection]) store.subscribe(draw);
  return { draw };
}
