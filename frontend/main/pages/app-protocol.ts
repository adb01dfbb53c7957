/** Our own pages, as `app://nova/...`: an origin of their own, and what they may do said in every answer. */
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { protocol } from "electron";
import { isOurs, pathIn, SCHEME } from "./app-paths";

/** A server's address is a setting, so pages may connect to any; they may load nothing from anywhere else. */
export const POLICY = [
  "default-src 'self'",
  "connect-src 'self' ws: wss:",
  "media-src 'self' blob:",
  "style-src 'self' 'unsafe-inline'",
  "object-src 'none'",
  "frame-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
  ".wasm": "application/wasm",
};

export interface File {
  readonly body: Buffer;
  readonly type: string;
}

/** Before the app is ready. */
export function announceScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true, codeCache: true } },
  ]);
}

export function servePages(root: string): void {
  protocol.handle(SCHEME, async ({ url }) => {
    const file = isOurs(url) ? await fileFor(root, new URL(url).pathname) : null;
    if (file === null) return new Response("not found", { status: 404 });
    return new Response(new Uint8Array(file.body), { headers: headersFor(file.type) });
  });
}

export function headersFor(type: string): Record<string, string> {
  return {
    "Content-Type": type,
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
  };
}

/** Null where there is none, or it is not in `root`, or is of a kind that we do not serve. */
export async function fileFor(root: string, pathname: string): Promise<File | null> {
  const path = pathIn(root, pathname);
  const type = TYPES[extname(path ?? "")];
  if (path === null || type === undefined) return null;
  return readFile(path).then(
    (body) => ({ body, type }),
    () => null,
  );
}
