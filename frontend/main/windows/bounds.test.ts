import fc from "fast-check";
import { expect, test } from "vitest";
import { bubbleBounds, dragBounds, isVisible, overlayBounds } from "./bounds";

const area = { x: 100, y: 30, width: 1200, height: 800 };

test("overlay windows are placed on the screen", () => {
  fc.assert(
    fc.property(fc.integer({ min: 300, max: 5_000 }), fc.integer({ min: 300, max: 5_000 }), (width, height) => {
      for (const place of [bubbleBounds({ ...area, width, height }), overlayBounds({ ...area, width, height })]) {
        expect(place.x).toBeGreaterThanOrEqual(area.x);
        expect(place.y).toBeGreaterThanOrEqual(area.y);
        expect(place.x + place.width).toBeLessThanOrEqual(area.x + width);
        expect(place.y + place.height).toBeLessThanOrEqual(area.y + height);
      }
    }),
  );
});

test("a position on a disconnected screen is not visible", () => {
  expect(isVisible({ x: 200, y: 50, width: 300, height: 100 }, [area])).toBe(true);
  expect(isVisible({ x: 2_000, y: 50, width: 300, height: 100 }, [area])).toBe(false);
  expect(isVisible({ x: 1_290, y: 50, width: 300, height: 100 }, [area])).toBe(false);
});

test("a drag moves a window, or resizes it down to a minimum", () => {
  const place = { x: 1, y: 2, width: 300, height: 100 };
  expect(dragBounds(place, { how: "move", dx: 10.4, dy: -5 })).toEqual({ x: 11, y: -3, width: 300, height: 100 });
  expect(dragBounds(place, { how: "size", dx: 10, dy: -5_000 })).toEqual({ x: 1, y: 2, width: 310, height: 80 });
});
