/** Serves our own pages at `app://nova/...`, with a content security policy. */
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { protocol } from "electron";
import { isAppUrl, resolveInside, SCHEME } from "./app-paths";

/** Pages may connect to any server, because its address is a setting. Everything else must come from the app itself. */
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

/** Must be called before the app is ready. */
export function registerAppScheme(): void {
  protocol.registerSchemesAsPrivileged([
    {
      scheme: SCHEME,
      privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true, codeCache: true },
    },
  ]);
}

export function servePages(root: string): void {
  protocol.handle(SCHEME, async ({ url }) => {
    const file = isAppUrl(url) ? await fileFor(root, new URL(url).pathname) : null;
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

/** Returns null if the file does not exist, is outside `root`, or has a type that is not served. */
export async function fileFor(root: string, pathname: string): Promise<File | null> {
  const path = resolveInside(root, pathname);
  const type = TYPES[extname(path ?? "")];
  if (path === null || type === undefined) return null;
  return readFile(path).then(
    (body) => ({ body, type }),
    () => null,
  );
}
