/**
 * The subtitles: over all windows of the desktop client, or as another program's browser source. There the shell on this
 * computer sends what to draw (server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html).
 */
import type { Overlay, OverlayText } from "./content";
import { LINE_COLUMNS } from "../transcript/line-breaking";
import type { Line } from "../subtitles/subtitles";
import { element, write } from "./dom";
import "./overlay.css";

/** A letter is seldom wider on average, in parts of its height: so wide a line always fits. */
const LETTER = 0.56;

const overlay = element(document.body, "main", "overlay");

function draw(state: Overlay | null): void {
  const texts = state?.texts ?? [];
  overlay.hidden = state === null;
  if (state !== null) dress(state);
  fit(overlay, texts.length);
  texts.forEach((text, index) => {
    const part = overlay.children[index];
    if (part instanceof HTMLElement)
      drawText(part, text, state?.look.lines ?? 1, index === 0 ? (state?.hint ?? "") : "");
  });
}

function dress({ look }: Overlay): void {
  const fits = window.innerWidth / (LINE_COLUMNS * LETTER);
  overlay.dataset.position = look.position;
  overlay.dataset.locked = String(look.isLocked);
  overlay.style.fontSize = `${Math.min(look.size, fits)}px`;
  overlay.style.setProperty("--color", look.color);
  overlay.style.setProperty("--background", `color-mix(in srgb, ${look.background} ${look.opacity}%, transparent)`);
}

/** Keeps the room of all its lines, so that the other text does not move when there are fewer. */
function drawText(part: HTMLElement, { kind, lines }: OverlayText, room: number, hint: string): void {
  part.className = kind;
  part.style.minHeight = `${room * 1.4}em`;
  const all = lines.length === 0 && hint !== "" ? [{ key: "hint", firm: hint, faint: "", language: "" }] : lines;
  fit(part, all.length);
  all.forEach((line, index) => {
    const where = part.children[index];
    if (where instanceof HTMLElement) drawLine(where, line);
  });
}

function drawLine(where: HTMLElement, { firm, faint, language }: Line): void {
  where.dir = "auto";
  where.lang = language;
  fit(where, 1, "span");
  const box = where.children[0];
  if (box === undefined) return;
  fit(box, 2, "span");
  const [sure, unsure] = box.children;
  if (sure === undefined || unsure === undefined) return;
  unsure.className = "faint";
  write(sure, faint === "" ? firm.trimEnd() : firm);
  write(unsure, faint.trimEnd());
}

/** As many children as there is to draw. */
function fit(parent: Element, count: number, name = "div"): void {
  while (parent.childElementCount < count) element(parent, name, "");
  while (parent.childElementCount > count) parent.lastElementChild?.remove();
}

if (window.nova === undefined) {
  const captions = new EventSource(`captions${location.search}`);
  captions.onmessage = ({ data }: MessageEvent<string>) => {
    draw(JSON.parse(data) as Overlay | null);
  };
} else {
  window.nova.onShow((state) => {
    draw(JSON.parse(state) as Overlay);
  });
}
