/** Hold to talk: a shortcut's end, which no platform tells. */
import { later } from "../system/delay";

const LOOK_EVERY_MS = 20;

/** Once one of the keys that are down now is up. Keys are numbers that only the platform understands; a tap ends at once. */
export async function released(keysDown: () => Promise<readonly number[]>): Promise<void> {
  const held = await keysDown();
  let now = held;
  while (held.length > 0 && held.every((key) => now.includes(key))) {
    await later(LOOK_EVERY_MS);
    now = await keysDown();
  }
}
