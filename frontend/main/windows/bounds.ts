/** Positions of the overlay windows, in CSS pixels. Pure. `area` is a screen without panels and docks. */
import type { Rectangle } from "electron";
import type { DragStep } from "../ipc/validation";

const BUBBLE = { width: 440, height: 120 };
const OVERLAY_HEIGHT = 220;
const OVERLAY_SHARE = 0.7;
const GAP = 24;
const MIN_SIZE = { width: 240, height: 80 };
// How much of a window must be on a screen, so that the user can drag it.
const MIN_VISIBLE = 60;

/** The dictation bubble: at the bottom center. */
export function bubbleBounds(area: Rectangle): Rectangle {
  const width = Math.min(BUBBLE.width, area.width);
  const x = Math.round(area.x + (area.width - width) / 2);
  return { x, y: area.y + area.height - BUBBLE.height - GAP, width, height: BUBBLE.height };
}

/** The default position of subtitles: at the bottom, as in films. */
export function overlayBounds(area: Rectangle): Rectangle {
  const width = Math.round(area.width * OVERLAY_SHARE);
  const x = Math.round(area.x + (area.width - width) / 2);
  return { x, y: area.y + area.height - OVERLAY_HEIGHT - GAP, width, height: OVERLAY_HEIGHT };
}

/** Whether a stored position is still on a screen; a screen may have been disconnected. */
export function isVisible(place: Rectangle, areas: readonly Rectangle[]): boolean {
  return areas.some((area) => {
    const across = Math.min(place.x + place.width, area.x + area.width) - Math.max(place.x, area.x);
    const down = Math.min(place.y + place.height, area.y + area.height) - Math.max(place.y, area.y);
    return across >= MIN_VISIBLE && down >= MIN_VISIBLE;
  });
}

export function dragBounds(place: Rectangle, { how, dx, dy }: DragStep): Rectangle {
  const [right, down] = [Math.round(dx), Math.round(dy)];
  if (how === "move") return { ...place, x: place.x + right, y: place.y + down };
  const width = Math.max(MIN_SIZE.width, place.width + right);
  return { ...place, width, height: Math.max(MIN_SIZE.height, place.height + down) };
}
