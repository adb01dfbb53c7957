/** Where the little windows stand. Pure. CSS pixels; `area` is the screen's without panels and docks. */
import type { Rectangle } from "electron";

const BUBBLE = { width: 440, height: 120 };
const OVERLAY_HEIGHT = 220;
const OVERLAY_SHARE = 0.7;
const GAP = 24;
const LEAST = { width: 240, height: 80 };
/** So much of a window stays on a screen that it can be taken hold of. */
const SEEN = 60;

/** The preview: at the bottom, in the middle. */
export function bubbleIn(area: Rectangle): Rectangle {
  const width = Math.min(BUBBLE.width, area.width);
  const x = Math.round(area.x + (area.width - width) / 2);
  return { x, y: area.y + area.height - BUBBLE.height - GAP, width, height: BUBBLE.height };
}

/** The subtitles, where no one has put them elsewhere: where a film has them. */
export function overlayIn(area: Rectangle): Rectangle {
  const width = Math.round(area.width * OVERLAY_SHARE);
  const x = Math.round(area.x + (area.width - width) / 2);
  return { x, y: area.y + area.height - OVERLAY_HEIGHT - GAP, width, height: OVERLAY_HEIGHT };
}

/** Where someone has put them, if that can still be seen: a screen may have gone since. */
export function seen(place: Rectangle, areas: readonly Rectangle[]): boolean {
  return areas.some((area) => {
    const across = Math.min(place.x + place.width, area.x + area.width) - Math.max(place.x, area.x);
    const down = Math.min(place.y + place.height, area.y + area.height) - Math.max(place.y, area.y);
    return across >= SEEN && down >= SEEN;
  });
}

export function dragged(place: Rectangle, { how, dx, dy }: { how: "move" | "size"; dx: number; dy: number }): Rectangle {
  const [right, down] = [Math.round(dx), Math.round(dy)];
  if (how === "move") return { ...place, x: place.x + right, y: place.y + down };
  const width = Math.max(LEAST.width, place.width + right);
  return { ...place, width, height: Math.max(LEAST.height, place.height + down) };
}
