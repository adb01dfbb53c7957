/**
 * The captions for other programs on this computer, such as OBS: our overlay's page and, as server-sent events, what it is to
 * draw. Off unless a person turns it on; on loopback only; behind an address that cannot be guessed.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { readJson, writeJson } from "../storage/json-file";
import { fileFor, headersFor } from "../pages/app-protocol";

const HOST = "127.0.0.1";
const MOST_READERS = 20;
const TOKEN_BYTES = 16;

/** Kept, so that the address in OBS stays good. */
interface Kept {
  readonly token: string;
  readonly port: number;
}

export class Captions {
  readonly #root: string;
  readonly #path: string;
  readonly #readers = new Set<ServerResponse>();
  #server: Server | null = null;
  #kept: Kept | null = null;
  #state: string | null = null;
  #turned: Promise<void> = Promise.resolve();

  /** `root`: the built pages. `path`: where token and port are kept. */
  constructor(root: string, path: string) {
    this.#root = root;
    this.#path = path;
  }

  /** On or off; once it is done. */
  turn(isOn: boolean): Promise<void> {
    this.#turned = this.#turned.then(async () => {
      if (isOn && this.#server === null) await this.#open();
      if (!isOn) await this.#close();
    });
    return this.#turned;
  }

  /** What to give OBS; "" while off. */
  async address(): Promise<string> {
    await this.#turned;
    if (this.#server === null || this.#kept === null) return "";
    return `http://${HOST}:${this.#kept.port}/${this.#kept.token}/overlay.html`;
  }

  /** What readers are to draw from now on: JSON, or null for nothing. */
  show(state: string | null): void {
    this.#state = state;
    for (const reader of this.#readers) reader.write(eventFor(state));
  }

  async #open(): Promise<void> {
    const kept = isKept(await readJson(this.#path));
    const server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
    const port = await listen(server, kept?.port ?? 0).catch(() => listen(server, 0));
    this.#kept = { token: kept?.token ?? randomBytes(TOKEN_BYTES).toString("hex"), port };
    this.#server = server;
    await writeJson(this.#path, this.#kept);
  }

  async #close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const reader of this.#readers) reader.destroy();
    await new Promise<void>((resolve) => {
      if (server === null) resolve();
      else server.close(() => { resolve(); });
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const name = this.#nameOf(request);
    if (name === null) response.writeHead(404, { Connection: "close" }).end();
    else if (name === "captions") this.#tell(response);
    else await this.#give(name, response);
  }

  /** What is asked for. Null for a page that was led here by another name, or that does not know the token. */
  #nameOf({ method, headers, url }: IncomingMessage): string | null {
    const port = this.#kept?.port ?? 0;
    if (method !== "GET" || (headers.host !== `${HOST}:${port}` && headers.host !== `localhost:${port}`)) return null;
    const [, token = "", ...names] = new URL(url ?? "/", `http://${HOST}`).pathname.split("/");
    return isSame(token, this.#kept?.token ?? "") ? names.join("/") : null;
  }

  async #give(name: string, response: ServerResponse): Promise<void> {
    const isOffered = name === "overlay.html" || name === "favicon.svg" || name.startsWith("assets/");
    const file = isOffered ? await fileFor(this.#root, `/${name}`) : null;
    if (file === null) response.writeHead(404, { Connection: "close" }).end();
    else response.writeHead(200, { ...headersFor(file.type), Connection: "close" }).end(file.body);
  }

  #tell(response: ServerResponse): void {
    if (this.#readers.size >= MOST_READERS) {
      response.writeHead(503).end();
      return;
    }
    response.writeHead(200, { ...headersFor("text/event-stream"), "Cache-Control": "no-store" });
    response.write(eventFor(this.#state));
    this.#readers.add(response);
    response.on("close", () => this.#readers.delete(response));
  }
}

/** One event; JSON has no line breaks. (WHATWG HTML, "Server-sent events") */
function eventFor(state: string | null): string {
  return `data: ${(state ?? "null").replace(/[\r\n]/g, " ")}\n\n`;
}

function isKept(value: unknown): Kept | null {
  const { token, port } = (value ?? {}) as Partial<Record<keyof Kept, unknown>>;
  if (typeof token !== "string" || !/^[0-9a-f]{32}$/.test(token)) return null;
  return Number.isInteger(port) && (port as number) > 0 && (port as number) < 65_536 ? { token, port: port as number } : null;
}

function isSame(one: string, other: string): boolean {
  return one.length === other.length && other !== "" && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, HOST, () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
