/** Hold to talk: detects when a shortcut is released, which no platform reports for global shortcuts. */
import { delay } from "../system/delay";

const POLL_INTERVAL_MS = 20;

/**
 * Resolves when one of the keys that are now down is released, or immediately if none is down.
 *
 * @param keysDown Returns platform-specific key codes.
 */
export async function untilReleased(keysDown: () => Promise<readonly number[]>): Promise<void> {
  const held = await keysDown();
  let now = held;
  while (held.length > 0 && held.every((key) => now.includes(key))) {
    await delay(POLL_INTERVAL_MS);
    now = await keysDown();
  }
}
