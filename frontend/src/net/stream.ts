/** The WebSocket of a session, and the audio that waits for it. */
import { SAMPLE_RATE } from "../core/audio";
import type { ClientMessage, ServerMessage } from "../core/protocol";

export interface StreamEvents {
  onMessage: (message: ServerMessage) => void;
  /** The socket that was open is not any more, by whoever's wish but `close`'s. */
  onClosed: (code: number) => void;
}

type Outgoing = Int16Array<ArrayBuffer> | ClientMessage;

/** A server that is away for longer than this misses the beginning. */
const QUEUE_SECONDS = 60;

/**
 * Order is kept: what is sent before `flush` waits in a queue, across sockets, so that audio spoken while the server is
 * away arrives when it is back, and a `stop` stays behind the last sample.
 */
export class Stream {
  readonly #events: StreamEvents;
  #socket: WebSocket | null = null;
  #isFlowing = false;
  #queue: Outgoing[] = [];

  constructor(events: StreamEvents) {
    this.#events = events;
  }

  /** Opens a socket in place of any other and sends `first` on it; the rest waits for `flush`. */
  open(url: string, first: ClientMessage): void {
    this.close();
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.onopen = () => {
      socket.send(JSON.stringify(first));
    };
    socket.onmessage = ({ data }: MessageEvent<string>) => {
      this.#events.onMessage(JSON.parse(data) as ServerMessage);
    };
    socket.onclose = ({ code }) => {
      this.close();
      this.#events.onClosed(code);
    };
  }

  /** Sends now, or queues. */
  send(item: Outgoing): void {
    if (this.#isFlowing) this.#write(item);
    else this.#enqueue(item);
  }

  flush(): void {
    this.#isFlowing = true;
    for (const item of this.#queue) this.#write(item);
    this.#queue = [];
  }

  /** Forgets what is queued. */
  drop(): void {
    this.#queue = [];
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

  #write(item: Outgoing): void {
    this.#socket?.send(isAudio(item) ? item : JSON.stringify(item));
  }

  #enqueue(item: Outgoing): void {
    this.#queue.push(item);
    const samples = this.#queue.reduce((sum, queued) => sum + (isAudio(queued) ? queued.length : 0), 0);
    if (samples > QUEUE_SECONDS * SAMPLE_RATE) this.#queue.splice(this.#queue.findIndex(isAudio), 1);
  }
}

const isAudio = (item: Outgoing) => item instanceof Int16Array;
