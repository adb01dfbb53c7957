/** Which lines of a room wait for its moderators. */

export interface RoomHold {
  /** For which lines wait; 0: they do not. */
  readonly holdMs: number;
  /** Position in the log up to which lines were released. */
  readonly released: string;
  /** Lead of the clock of the server over that of the browser. */
  readonly aheadMs: number;
}

export const noHold: RoomHold = { holdMs: 0, released: "0-0", aheadMs: 0 };

/** Returns null if the answer has another form. */
export function parseHold(answer: unknown, now: number): RoomHold | null {
  const { hold_ms, released, now_ms } = (answer ?? {}) as Record<string, unknown>;
  if (typeof hold_ms !== "number" || typeof released !== "string" || typeof now_ms !== "number") return null;
  return { holdMs: hold_ms, released, aheadMs: now_ms - now };
}

/**
 * Milliseconds until readers see the line; 0 if they see it.
 *
 * @param cursor Of the first final of the line; "" while its speech is in progress.
 */
export function waitMs({ holdMs, released, aheadMs }: RoomHold, cursor: string, now: number): number {
  if (holdMs === 0 || cursor === "" || !isAfter(cursor, released)) return 0;
  return Math.max(timeOf(cursor)[0] + holdMs - now - aheadMs, 0);
}

function isAfter(cursor: string, other: string): boolean {
  const [ms, count] = timeOf(cursor);
  const [otherMs, otherCount] = timeOf(other);
  return ms > otherMs || (ms === otherMs && count > otherCount);
}

function timeOf(cursor: string): readonly [ms: number, count: number] {
  const [ms = 0, count = 0] = cursor.split("-").map(Number);
  return [ms, count];
}
