/**
 * The JavaScript client: audio in, events out. A lost connection is resumed automatically.
 *
 *     const client = await connect("ws://localhost:8080", { language: "en", translate_to: ["es"] });
 *     client.on("final", ({ text }) => console.log(text));
 *     microphone.on("data", (pcm) => client.send(pcm));
 */
import { streamUrl } from "./address.js";
import { loudness } from "./audio/resampler.js";
import { EventQueue, withResolvers } from "./event-queue.js";
import type { ServerMessage } from "./protocol/messages.js";
import { problem, type Problem } from "./protocol/problems.js";
import type { SessionOptions } from "./protocol/session-options.js";
import { Connection } from "./session/connection.js";
import type { ConnectionState } from "./session/connection-state.js";
import type { WebSocketConstructor } from "./session/resumable-socket.js";

export interface ClientOptions extends SessionOptions {
  /** API key or token, for servers that require one. */
  key?: string;
  /** Used in place of the global `WebSocket`, which Node.js has since version 22. */
  WebSocket?: WebSocketConstructor;
  /** How long `connect` tries to open a session; default 10,000. */
  connectTimeoutMs?: number;
  /** Channels of the audio, 1 to 8, recognized separately: events then have `channel`. Default: mono. */
  channels?: number;
  /** With `channels`: whether finals are delivered as they arrive (default), or over all channels by their start. */
  channelOrder?: "arrival" | "time";
}

/** The argument of listeners, by event type. */
export type EventMap = { [T in ServerMessage["type"]]: Extract<ServerMessage, { type: T }> } & {
  /** The state of the connection changed. */
  state: ConnectionState;
};

/** The session failed, or could not be opened. */
export class NovaVoiceError extends Error {
  override readonly name = "NovaVoiceError";
  /** Stable, for example "unauthorized", "overloaded" or "connection_lost". */
  readonly code: string;

  constructor({ code, message }: Problem) {
    super(message === "" ? code : message);
    this.code = code;
  }
}

type Pcm = Int16Array | Uint8Array | ArrayBuffer;

const CONNECT_TIMEOUT_MS = 10_000;
// Audio is sent in messages of up to 100 ms, far below the server's limit for a message.
const MESSAGE_SAMPLES = 1_600;
const BYTES_PER_SAMPLE = 2;
// About ten minutes of speech with partials.
const MAX_QUEUED_EVENTS = 10_000;

/**
 * Opens a session.
 *
 * @param url The server: `host`, `host:port`, or a URL with ws:, wss:, http: or https:.
 * @throws NovaVoiceError if the server refuses the session or cannot be reached.
 * @throws TypeError if `url` is not a valid address.
 */
export async function connect(url: string, options: ClientOptions = {}): Promise<Client> {
  const address = streamUrl(url);
  if (address === null) throw new TypeError(`Invalid server address: ${url}`);
  const client = new Client(address, options);
  await client.ready;
  return client;
}

/** A session. Created by `connect`. Each event is delivered to all listeners, and to one iteration. */
export class Client implements AsyncIterable<ServerMessage> {
  /** Resolves when the session is open. */
  readonly ready: Promise<void>;
  readonly #connection: Connection;
  readonly #listeners = new Map<string, Set<(event: never) => void>>();
  readonly #queue = new EventQueue<ServerMessage>(MAX_QUEUED_EVENTS);
  readonly #opened = withResolvers<undefined>();
  readonly #finished = withResolvers<undefined>();
  #options: SessionOptions;
  readonly #channels: number;
  #isStopped = false;
  /** The beginning of a sample, or of the samples of all channels, whose other bytes were not sent yet. */
  #splitSample = new Uint8Array(0);

  /** @internal Use `connect`. */
  constructor(
    url: string,
    { key = "", WebSocket, connectTimeoutMs, channels, channelOrder, ...options }: ClientOptions,
  ) {
    this.#options = options;
    this.#channels = channels ?? 1;
    this.#connection = new Connection(
      {
        server: () => Promise.resolve({ url, key }),
        options: () => this.#options,
        // The caller provides the audio, so there is nothing to open or close.
        openAudio: () => {
          queueMicrotask(() => this.#connection.audioOpened());
        },
        endAudio: () => Promise.resolve(true),
        dropAudio: () => undefined,
        onState: (state) => this.#onState(state),
        onMessage: (message) => this.#onMessage(message),
      },
      WebSocket,
      channels === undefined ? null : { count: channels, order: channelOrder ?? "arrival" },
    );
    this.ready = this.#openWithin(connectTimeoutMs ?? CONNECT_TIMEOUT_MS);
    // A failure is reported by `ready`, `stop` and the iteration; none of them has to be used.
    this.ready.catch(() => undefined);
    this.#finished.promise.catch(() => undefined);
    this.#connection.start();
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  /**
   * Sends audio of any length: 16 kHz, signed 16-bit little-endian samples, mono or with the channels interleaved. Bytes
   * may end inside a sample.
   *
   * While the connection is lost, up to a minute of audio is kept and sent later, so audio should be sent at the speed of
   * speech.
   */
  send(pcm: Pcm): void {
    this.#checkOpen();
    const samples = this.#toSamples(pcm);
    const length = MESSAGE_SAMPLES * this.#channels;
    for (let from = 0; from < samples.length; from += length) {
      const piece = samples.subarray(from, from + length);
      this.#connection.sendAudio(piece, loudness(Float32Array.from(piece, (sample) => sample / 32_768)));
    }
  }

  /** Ends the current utterance without waiting for silence. */
  finalize(): void {
    this.#checkOpen();
    this.#connection.sendFinalize();
  }

  /** Changes options immediately, also for the current utterance. */
  configure(options: SessionOptions): void {
    this.#options = { ...this.#options, ...options };
    this.#connection.configure();
  }

  /**
   * Ends the audio. Resolves after the last final and translation have arrived.
   *
   * @throws NovaVoiceError if the session failed.
   */
  stop(): Promise<void> {
    if (!this.#isStopped) this.#connection.stop();
    this.#isStopped = true;
    return this.#finished.promise;
  }

  /** Closes the connection without waiting for the last events. */
  close(): void {
    this.#isStopped = true;
    this.#connection.stop();
    if (this.state.phase !== "idle") this.#connection.stop();
  }

  /** Calls `listener` for each event of a type. Returns a function that removes the listener. */
  on<T extends keyof EventMap>(type: T, listener: (event: EventMap[T]) => void): () => void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** Iterates over the events, including those that have arrived already. Ends after `done`. */
  [Symbol.asyncIterator](): AsyncIterator<ServerMessage> {
    return { next: () => this.#queue.next() };
  }

  async #openWithin(timeoutMs: number): Promise<void> {
    const timer = setTimeout(() => {
      const { state } = this;
      const reason = "problem" in state ? state.problem : null;
      this.#connection.fail(reason ?? problem("no_answer"));
    }, timeoutMs);
    await this.#opened.promise.finally(() => clearTimeout(timer));
  }

  /** Copies the samples, because they are kept for a replay and the caller may reuse its buffer. */
  #toSamples(pcm: Pcm): Int16Array<ArrayBuffer> {
    const isWhole = pcm instanceof Int16Array && pcm.length % this.#channels === 0;
    if (isWhole && this.#splitSample.length === 0) return Int16Array.from(pcm);
    const added = pcm instanceof ArrayBuffer ? new Uint8Array(pcm) : bytesOf(pcm);
    const bytes = new Uint8Array(this.#splitSample.length + added.length);
    bytes.set(this.#splitSample);
    bytes.set(added, this.#splitSample.length);
    const whole = bytes.length - (bytes.length % (BYTES_PER_SAMPLE * this.#channels));
    this.#splitSample = bytes.slice(whole);
    return new Int16Array(bytes.slice(0, whole).buffer);
  }

  #onMessage(message: ServerMessage): void {
    if (message.type === "ready") this.#opened.resolve(undefined);
    this.#queue.push(message);
    this.#emit(message.type, message);
  }

  #onState(state: ConnectionState): void {
    this.#emit("state", state);
    if (state.phase !== "idle" && state.phase !== "failed") return;
    const error = state.phase === "failed" ? new NovaVoiceError(state.problem) : null;
    this.#queue.end(error);
    this.#opened.reject(error ?? new NovaVoiceError(problem("ended")));
    if (error === null) this.#finished.resolve(undefined);
    else this.#finished.reject(error);
  }

  #emit(type: string, event: ServerMessage | ConnectionState): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event as never);
  }

  #checkOpen(): void {
    const { phase } = this.state;
    if (this.#isStopped || phase === "idle" || phase === "failed") throw new Error("The session has ended.");
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Int16Array | Uint8Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);
