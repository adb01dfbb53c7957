/** One WebSocket after another for the same session. Keeps audio in order and sends each server what it lacks. */
import type { ClientMessage, Configure, ServerMessage, Start } from "../protocol/messages.js";
import { isAudio, ReplayBuffer, type ReplayItem } from "./replay-buffer.js";
import {
  advance,
  coveredMs,
  noProgress,
  resumeMessage,
  startMessage,
  type SessionProgress,
} from "./session-progress.js";

export interface SocketListener {
  onMessage: (message: ServerMessage) => void;
  /** The socket closed, and not because of `close`. */
  onClosed: (code: number) => void;
}

/** The part of a WebSocket that is used; that of browsers, of Node.js 22 and of the package `ws` fit. */
export interface WebSocketLike {
  onopen: unknown;
  onmessage: unknown;
  onclose: unknown;
  onerror: unknown;
  send(data: string | Int16Array<ArrayBuffer>): void;
  close(): void;
}

export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

export class ResumableSocket {
  readonly #listener: SocketListener;
  readonly #webSocket: WebSocketConstructor | undefined;
  #socket: WebSocketLike | null = null;
  #isReady = false;
  /** Null: the session is not divided into channels. */
  readonly #channels: number | null;
  #replayBuffer: ReplayBuffer;
  #progress: SessionProgress;

  /**
   * @param webSocket Used in place of the global `WebSocket`.
   * @param channels Channels of the audio that are recognized separately.
   */
  constructor(listener: SocketListener, webSocket?: WebSocketConstructor, channels: number | null = null) {
    this.#listener = listener;
    this.#webSocket = webSocket;
    this.#channels = channels;
    this.#replayBuffer = new ReplayBuffer(channels ?? 1);
    this.#progress = noProgress(channels ?? 1);
  }

  /** Opens a socket in place of any other, for a new session that begins with the oldest audio that is kept. */
  startSession(url: string, options: Start, key = ""): void {
    this.#open(url, key, () => startMessage(this.#progress, options, this.#replayBuffer.startMs));
  }

  /** Opens a socket in place of any other, for the last session. */
  resumeSession(url: string, key = ""): void {
    this.#open(url, key, () => resumeMessage(this.#progress, this.#replayBuffer.startMs, this.#channels !== null));
  }

  /** Sends immediately if a server is ready. Otherwise, and after a lost connection, `replay` sends it. */
  send(item: ReplayItem): void {
    this.#replayBuffer.add(item);
    if (this.#isReady) this.#write(item);
  }

  /**
   * Sends a message without a position in the audio. Without a ready server it is dropped: `replay` sends all options.
   */
  configure(message: Configure): void {
    if (this.#isReady) this.#write(message);
  }

  /** Call when the server is ready. Sends the current options and the audio that the server lacks. */
  replay(options: Configure): void {
    this.#isReady = true;
    this.configure(options);
    for (const item of this.#replayBuffer.itemsFrom(this.#progress.audioFromMs)) this.#write(item);
  }

  /** Discards the audio that is kept, and all that `resumeSession` needs. */
  forgetSession(): void {
    this.#replayBuffer = new ReplayBuffer(this.#channels ?? 1);
    this.#progress = noProgress(this.#channels ?? 1);
  }

  /** Closes the socket. The listener is not called for it again. */
  close(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#isReady = false;
    if (socket === null) return;
    // `onerror` stays: `ws` reports a socket that is closed while connecting as an error, and throws if none listens.
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #open(url: string, key: string, firstMessage: () => ClientMessage): void {
    this.close();
    const socket = new (this.#webSocket ?? globalWebSocket())(url, subprotocols(key));
    this.#socket = socket;
    socket.onerror = () => undefined;
    socket.onopen = () => this.#write(firstMessage());
    socket.onmessage = ({ data }: { data: string }) => this.#receive(JSON.parse(data) as ServerMessage);
    socket.onclose = ({ code }: { code: number }) => {
      this.close();
      this.#listener.onClosed(code);
    };
  }

  #receive(message: ServerMessage): void {
    this.#progress = advance(this.#progress, message);
    if (message.type === "final") this.#replayBuffer.discardBefore(coveredMs(this.#progress));
    this.#listener.onMessage(message);
  }

  #write(what: ReplayItem | ClientMessage): void {
    this.#socket?.send(isAudio(what) ? what : JSON.stringify(what));
  }
}

function globalWebSocket(): WebSocketConstructor {
  if ("WebSocket" in globalThis) return globalThis.WebSocket;
  throw new Error("This runtime has no global WebSocket. Pass one in the options, for example that of the package ws.");
}

/**
 * Returns the subprotocols to offer. A browser cannot send a key in any other header.
 *
 * Browsers throw if a name is not a valid token, so such a key is left out and the server reports that it is missing.
 * Without a key no subprotocol is offered, so that any server accepts the connection.
 */
export function subprotocols(key: string): string[] {
  return /^[\w.~-]+$/.test(key) ? ["nova.v1", `nova.key.${key}`] : [];
}
