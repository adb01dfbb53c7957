/**
 * The overlay is moved by its middle and sized by its right and lower edges. By hand, since a window that no window manager
 * knows cannot be dragged otherwise; a locked one hears no pointer at all.
 */
import type { Say } from "../main/ipc/channels";

/** CSS pixels from the right and lower edges. */
const EDGE = 24;

export function letDrag(say: (what: Say, ...given: readonly unknown[]) => void): void {
  let from: { readonly how: "move" | "size"; readonly x: number; readonly y: number } | null = null;
  const isEdge = ({ clientX, clientY }: PointerEvent) => clientX > innerWidth - EDGE || clientY > innerHeight - EDGE;

  addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    document.documentElement.setPointerCapture(event.pointerId);
    from = { how: isEdge(event) ? "size" : "move", x: event.screenX, y: event.screenY };
  });
  addEventListener("pointermove", (event) => {
    document.documentElement.style.cursor = isEdge(event) ? "nwse-resize" : "move";
    if (from === null) return;
    say("drag", { how: from.how, dx: event.screenX - from.x, dy: event.screenY - from.y });
    from = { ...from, x: event.screenX, y: event.screenY };
  });
  for (const end of ["pointerup", "pointercancel"] as const) {
    addEventListener(end, () => {
      if (from !== null) say("dropped");
      from = null;
    });
  }
}
