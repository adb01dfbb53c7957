/** A session as the network has it: one socket after the other, and what each must be sent again. */
import { advanced, nowhere, resumption, type Place } from "./session-progress";
import type { ClientMessage, Configure, ServerMessage, Start } from "../protocol/messages";
import { isAudio, Ring, type Kept } from "./replay-buffer";

export interface StreamEvents {
  onMessage: (message: ServerMessage) => void;
  /** The socket that was open is not any more, by whoever's wish but `close`'s. */
  onClosed: (code: number) => void;
}

/** Order is kept: what is sent while no server is ready, or was lost on the way to one, stands in the ring. */
export class Stream {
  readonly #events: StreamEvents;
  #socket: WebSocket | null = null;
  #isFlowing = false;
  #ring = new Ring();
  #place: Place = nowhere;

  constructor(events: StreamEvents) {
    this.#events = events;
  }

  /** Opens a socket in place of any other, for a new session that begins with the oldest audio that is kept. */
  start(url: string, options: Start, key = ""): void {
    this.#open(url, key, () => ({
      ...options,
      audio_from_ms: this.#ring.fromMs,
      utterance: this.#place.utterance,
      correlation_id: this.#place.correlationId,
    }));
  }

  /** Opens a socket in place of any other, for the session that was open last. */
  resume(url: string, key = ""): void {
    this.#open(url, key, () => resumption(this.#place, this.#ring.fromMs));
  }

  /** Sends now, or when a server is ready; and again, if it is lost. */
  send(what: Kept): void {
    this.#ring.push(what);
    if (this.#isFlowing) this.#write(what);
  }

  /** Sends what has no place in the audio; it is lost where no server is ready. */
  configure(message: Configure): void {
    if (this.#isFlowing) this.#write(message);
  }

  /** The server is ready: sends the options as they are by now, then what it lacks, and from now on at once. */
  flush(options: Configure): void {
    this.#isFlowing = true;
    this.configure(options);
    for (const what of this.#ring.from(this.#place.audioFromMs)) this.#write(what);
  }

  /** Forgets the session and its audio. */
  drop(): void {
    this.#ring = new Ring();
    this.#place = nowhere;
  }

  /** Leaves the socket; nothing more is heard of it. */
  close(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#isFlowing = false;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #open(url: string, key: string, first: () => ClientMessage): void {
    this.close();
    const socket = new WebSocket(url, offered(key));
    this.#socket = socket;
    socket.onopen = () => {
      this.#write(first());
    };
    socket.onmessage = ({ data }: MessageEvent<string>) => {
      this.#take(JSON.parse(data) as ServerMessage);
    };
    socket.onclose = ({ code }) => {
      this.close();
      this.#events.onClosed(code);
    };
  }

  #take(message: ServerMessage): void {
    this.#place = advanced(this.#place, message);
    if (message.type === "final") this.#ring.forget(message.end_ms);
    this.#events.onMessage(message);
  }

  #write(what: Kept | ClientMessage): void {
    this.#socket?.send(isAudio(what) ? what : JSON.stringify(what));
  }
}

/**
 * The subprotocols to offer. A browser can send a key in no header but this. What could not be one would be refused by the browser itself, with an
 * exception; left out, the server says what is wrong. Without a key nothing is offered, so that any server answers.
 */
export function offered(key: string): string[] {
  return /^[\w.~-]+$/.test(key) ? ["nova.v1", `nova.key.${key}`] : [];
}
