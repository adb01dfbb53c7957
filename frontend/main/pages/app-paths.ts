/** URLs of our own pages, and the files that they stand for. Pure. */
import { join, normalize, sep } from "node:path";

export const SCHEME = "app";
export const ORIGIN = `${SCHEME}://nova`;

export function isAppUrl(url: string): boolean {
  return url === ORIGIN || url.startsWith(`${ORIGIN}/`);
}

/** Returns the file of a URL path, or null if it is not inside `root`. */
export function resolveInside(root: string, pathname: string): string | null {
  try {
    const path = normalize(join(root, decodeURIComponent(pathname)));
    return path.startsWith(root + sep) && !path.includes("\0") ? path : null;
  } catch {
    return null;
  }
}
