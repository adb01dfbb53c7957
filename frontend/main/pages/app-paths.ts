/** Addresses of our own pages, and the files behind them. Pure. */
import { join, normalize, sep } from "node:path";

export const SCHEME = "app";
export const ORIGIN = `${SCHEME}://nova`;

export function isOurs(url: string): boolean {
  return url === ORIGIN || url.startsWith(`${ORIGIN}/`);
}

/** Null for what does not lie in `root`. */
export function pathIn(root: string, pathname: string): string | null {
  try {
    const path = normalize(join(root, decodeURIComponent(pathname)));
    return path.startsWith(root + sep) && !path.includes("\0") ? path : null;
  } catch {
    return null;
  }
}
