/** Requests to the server over HTTP. */
import { problem } from "../../client/src/protocol/problems";

export interface ServerAddress {
  /** Of the WebSocket. */
  readonly url: string;
  readonly key: string;
}

/** `code` is that of the server, or of this client. It can be shown as a Problem. */
export class RequestError extends Error {
  /** @param body The response of the server, if it is JSON. */
  constructor(
    readonly code: string,
    message: string,
    readonly body: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }
}

/** @param path Relative to the directory of the WebSocket. Rejects with a RequestError. */
export async function request(
  { url, key }: ServerAddress,
  method: string,
  path: string,
  body: Blob | null = null,
): Promise<Response> {
  const headers: Record<string, string> = key === "" ? {} : { Authorization: `Bearer ${key}` };
  const address = new URL(path, url.replace(/^ws/, "http"));
  const response = await fetch(address, { method, headers, body }).catch(() => null);
  if (response === null) throw new RequestError("connection_lost", problem("connection_lost").message);
  if (response.ok) return response;
  const described = (await response.json().catch(() => null)) as Readonly<Record<string, unknown>> | null;
  const { code, message } = (described ?? {}) as { code?: string; message?: string };
  throw new RequestError(code ?? "connection_lost", message ?? "", described ?? {});
}
