/**
 * Subtitles: as an overlay window of the desktop client, or as a browser source in another program such as OBS. There
 * is no shell in the latter; the desktop client's captions server sends what to draw (server-sent events,
 * https://html.spec.whatwg.org/multipage/server-sent-events.html).
 */
import type { SubtitleLine } from "../subtitles/layout";
import { LINE_COLUMNS } from "../transcript/line-breaking";
import type { OverlayContent, OverlayText } from "./content";
import { appendElement, setText } from "./dom";
import "./overlay.css";

// Upper bound of the average letter width relative to its height: a line of this width always fits.
const LETTER_WIDTH = 0.56;
// As in overlay.css.
const LINE_HEIGHT = 1.4;

const overlay = appendElement(document.body, "main", "overlay");

function draw(content: OverlayContent | null): void {
  const texts = content?.texts ?? [];
  overlay.hidden = content === null;
  if (content !== null) applyLook(content);
  setChildCount(overlay, texts.length);
  texts.forEach((text, index) => {
    const element = overlay.children[index];
    if (element instanceof HTMLElement)
      drawText(element, text, content?.look.lines ?? 1, index === 0 ? (content?.hint ?? "") : "");
  });
}

function applyLook({ look }: OverlayContent): void {
  const maxSize = window.innerWidth / (LINE_COLUMNS * LETTER_WIDTH);
  overlay.dataset.position = look.position;
  overlay.dataset.locked = String(look.isLocked);
  overlay.style.fontSize = `${Math.min(look.size, maxSize)}px`;
  overlay.style.setProperty("--color", look.color);
  overlay.style.setProperty("--background", `color-mix(in srgb, ${look.background} ${look.opacity}%, transparent)`);
}

/** Reserves the height of `maxLines`, so that the other text does not move when there are fewer lines. */
function drawText(element: HTMLElement, { kind, lines }: OverlayText, maxLines: number, hint: string): void {
  element.className = kind;
  element.style.minHeight = `${maxLines * LINE_HEIGHT}em`;
  const hintLine = { key: "hint", name: "", committed: hint, tentative: "", language: "" };
  const shown = lines.length === 0 && hint !== "" ? [hintLine] : lines;
  setChildCount(element, shown.length);
  shown.forEach((line, index) => {
    const row = element.children[index];
    if (row instanceof HTMLElement) drawLine(row, line);
  });
}

function drawLine(row: HTMLElement, { name, committed, tentative, language }: SubtitleLine): void {
  row.dir = "auto";
  row.lang = language;
  setChildCount(row, 1, "span");
  const box = row.children[0];
  if (box === undefined) return;
  setChildCount(box, 3, "span");
  const [speaker, committedText, tentativeText] = box.children;
  if (speaker === undefined || committedText === undefined || tentativeText === undefined) return;
  speaker.className = "name";
  setText(speaker, name);
  tentativeText.className = "tentative";
  setText(committedText, tentative === "" ? committed.trimEnd() : committed);
  setText(tentativeText, tentative.trimEnd());
}

function setChildCount(parent: Element, count: number, name = "div"): void {
  while (parent.childElementCount < count) appendElement(parent, name, "");
  while (parent.childElementCount > count) parent.lastElementChild?.remove();
}

if (window.nova === undefined) {
  const captions = new EventSource(`captions${location.search}`);
  captions.onmessage = ({ data }: MessageEvent<string>) => draw(JSON.parse(data) as OverlayContent | null);
} else {
  window.nova.onOverlayContent((content) => draw(JSON.parse(content) as OverlayContent));
}
