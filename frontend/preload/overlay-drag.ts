/**
 * Moves the overlay window by its center and resizes it by its right and lower edges. Overlay windows are not managed
 * by the window manager, so the page implements dragging itself. A locked overlay receives no pointer events.
 */
import type { MessageChannel } from "../main/ipc/channels";

/** CSS pixels from the right and lower edges. */
const EDGE = 24;

export function enableOverlayDrag(send: (channel: MessageChannel, ...args: readonly unknown[]) => void): void {
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
    send("drag", { how: from.how, dx: event.screenX - from.x, dy: event.screenY - from.y });
    from = { ...from, x: event.screenX, y: event.screenY };
  });
  for (const end of ["pointerup", "pointercancel"] as const) {
    addEventListener(end, () => {
      if (from !== null) send("dragEnd");
      from = null;
    });
  }
}
