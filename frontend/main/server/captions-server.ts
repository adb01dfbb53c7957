/**
 * Serves subtitles to other programs on this computer, such as OBS: the overlay page, and its content as server-sent
 * events.
 *
 * Off by default. It listens on the loopback interface only, and its URL contains a random token.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { readJson, writeJson } from "../storage/json-file";
import { fileFor, headersFor } from "../pages/app-protocol";

// Web pages in a browser can reach loopback ports, so they must send a token.
const HOST = "127.0.0.1";
const MAX_CLIENTS = 20;
const TOKEN_BYTES = 16;

/** Stored, so that the address in OBS stays valid. */
interface StoredAddress {
  readonly token: string;
  readonly port: number;
}

export class CaptionsServer {
  readonly #root: string;
  readonly #path: string;
  readonly #clients = new Set<ServerResponse>();
  #server: Server | null = null;
  #address: StoredAddress | null = null;
  #content: string | null = null;
  #lastChange: Promise<void> = Promise.resolve();

  /**
   * @param root Folder of the built pages.
   * @param path File that stores token and port.
   */
  constructor(root: string, path: string) {
    this.#root = root;
    this.#path = path;
  }

  /** Calls are executed one after the other. */
  setEnabled(isEnabled: boolean): Promise<void> {
    this.#lastChange = this.#lastChange.then(async () => {
      if (isEnabled && this.#server === null) await this.#open();
      if (!isEnabled) await this.#close();
    });
    return this.#lastChange;
  }

  /** The URL for OBS; "" while disabled. */
  async address(): Promise<string> {
    await this.#lastChange;
    if (this.#server === null || this.#address === null) return "";
    return `http://${HOST}:${this.#address.port}/${this.#address.token}/overlay.html`;
  }

  /** @param content JSON; null for nothing. */
  show(content: string | null): void {
    this.#content = content;
    for (const client of this.#clients) client.write(eventFor(content));
  }

  async #open(): Promise<void> {
    const stored = parseAddress(await readJson(this.#path));
    const server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
    const port = await listen(server, stored?.port ?? 0).catch(() => listen(server, 0));
    this.#address = { token: stored?.token ?? randomBytes(TOKEN_BYTES).toString("hex"), port };
    this.#server = server;
    await writeJson(this.#path, this.#address);
  }

  async #close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const client of this.#clients) client.destroy();
    await new Promise<void>((resolve) => {
      if (server === null) resolve();
      else server.close(() => resolve());
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const name = this.#resourceOf(request);
    if (name === null) response.writeHead(404, { Connection: "close" }).end();
    else if (name === "captions") this.#stream(response);
    else await this.#sendFile(name, response);
  }

  /** Returns null for a wrong token, and for other host names (DNS rebinding). */
  #resourceOf({ method, headers, url }: IncomingMessage): string | null {
    const port = this.#address?.port ?? 0;
    if (method !== "GET" || (headers.host !== `${HOST}:${port}` && headers.host !== `localhost:${port}`)) return null;
    const [, token = "", ...names] = new URL(url ?? "/", `http://${HOST}`).pathname.split("/");
    return isSame(token, this.#address?.token ?? "") ? names.join("/") : null;
  }

  async #sendFile(name: string, response: ServerResponse): Promise<void> {
    const isServed = name === "overlay.html" || name === "favicon.svg" || name.startsWith("assets/");
    const file = isServed ? await fileFor(this.#root, `/${name}`) : null;
    if (file === null) response.writeHead(404, { Connection: "close" }).end();
    else response.writeHead(200, { ...headersFor(file.type), Connection: "close" }).end(file.body);
  }

  #stream(response: ServerResponse): void {
    if (this.#clients.size >= MAX_CLIENTS) {
      response.writeHead(503).end();
      return;
    }
    response.writeHead(200, { ...headersFor("text/event-stream"), "Cache-Control": "no-store" });
    response.write(eventFor(this.#content));
    this.#clients.add(response);
    response.on("close", () => this.#clients.delete(response));
  }
}

/** One event. JSON contains no line breaks. (WHATWG HTML, "Server-sent events") */
function eventFor(content: string | null): string {
  return `data: ${(content ?? "null").replace(/[\r\n]/g, " ")}\n\n`;
}

function parseAddress(value: unknown): StoredAddress | null {
  const { token, port } = (value ?? {}) as Partial<Record<keyof StoredAddress, unknown>>;
  if (typeof token !== "string" || !/^[0-9a-f]{32}$/.test(token)) return null;
  return Number.isInteger(port) && (port as number) > 0 && (port as number) < 65_536
    ? { token, port: port as number }
    : null;
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
