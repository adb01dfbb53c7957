/** Runs the connection state machine: sockets, timers and the audio source of its owner. */
import { SAMPLE_RATE } from "../audio/resampler.js";
import type { Configure, ServerMessage, Start } from "../protocol/messages.js";
import { problem, type Problem } from "../protocol/problems.js";
import type { SessionOptions } from "../protocol/session-options.js";
import { idle, isStopping, step, timeoutMs } from "./connection-state.js";
import type { ConnectionInput, ConnectionState, Effect } from "./connection-state.js";
import { ResumableSocket, type WebSocketConstructor } from "./resumable-socket.js";
import { addAudio, doubleTolerance, isStalled, noSilence } from "./stall-detector.js";

/** Where to connect. */
export interface ServerEndpoint {
  readonly url: string;
  /** "" for none. */
  readonly key: string;
}

/** What the owner of a connection provides. */
export interface ConnectionOwner {
  /** Called before each attempt. It may take long, for example while a local server starts. */
  server: () => Promise<ServerEndpoint>;
  /** The current options; sent again after each reconnection. */
  options: () => SessionOptions;
  /** Open the audio source, then call `audioOpened` or `fail`. */
  openAudio: () => void;
  /** Close the audio source. Resolves after its last samples were sent, to false if audio must continue. */
  endAudio: () => Promise<boolean>;
  /** Close the audio source without waiting. */
  dropAudio: () => void;
  onState: (state: ConnectionState) => void;
  /** Called before the state changes because of the message. */
  onMessage: (message: ServerMessage) => void;
}

/** The channels of the audio, which are recognized separately. */
export interface ChannelOptions {
  readonly count: number;
  readonly order: NonNullable<Start["channel_order"]>;
}

/** The fields of `start` about the audio. */
const audioOf = (channels: ChannelOptions | null): Start => ({
  type: "start",
  audio: { encoding: "pcm_s16le", sample_rate: SAMPLE_RATE, channels: channels?.count ?? 1 },
  ...(channels && { multichannel: true, channel_order: channels.order }),
});

export class Connection {
  readonly #owner: ConnectionOwner;
  readonly #socket: ResumableSocket;
  readonly #channels: ChannelOptions | null;
  #state = idle;
  #silence = noSilence;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #restarts = false;
  // An address that is found after its attempt was abandoned must not be used.
  #attempt = 0;
  #attemptAt = 0;

  /** @param channels Null: the audio is mono. */
  constructor(owner: ConnectionOwner, webSocket?: WebSocketConstructor, channels: ChannelOptions | null = null) {
    this.#owner = owner;
    this.#channels = channels;
    this.#socket = new ResumableSocket(
      {
        onMessage: (message) => this.#receive(message),
        onClosed: (code) => this.#dispatch({ type: "closed", code }),
      },
      webSocket,
      channels?.count ?? null,
    );
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Milliseconds since the current attempt began. */
  get attemptMs(): number {
    return Math.round(performance.now() - this.#attemptAt);
  }

  /** Starts a session. While the last words of another one are awaited, it starts as soon as they have arrived. */
  start(): void {
    this.#restarts = isStopping(this.#state);
    if (!this.#restarts) this.#dispatch({ type: "start" });
  }

  /** Ends the audio and waits for the last words. A second call does not wait. */
  stop(): void {
    this.#restarts = false;
    this.#dispatch({ type: "stop" });
  }

  audioOpened(): void {
    this.#dispatch({ type: "audio_opened" });
  }

  fail(reason: Problem): void {
    this.#dispatch({ type: "failed", problem: reason });
  }

  /** @param loudness 0 to 1; see `loudness`. */
  sendAudio(pcm: Int16Array<ArrayBuffer>, loudness: number): void {
    this.#socket.send(pcm);
    if (this.#state.phase !== "listening") return;
    this.#silence = addAudio(
      this.#silence,
      loudness,
      (1_000 * pcm.length) / (SAMPLE_RATE * (this.#channels?.count ?? 1)),
    );
    if (!isStalled(this.#silence)) return;
    this.#silence = doubleTolerance(this.#silence);
    this.#dispatch({ type: "closed", code: 1006 });
  }

  sendFinalize(): void {
    this.#socket.send({ type: "finalize" });
  }

  /** Sends the current options. */
  configure(): void {
    this.#socket.configure(this.#configureMessage());
  }

  #receive(message: ServerMessage): void {
    // `ready` only proves that the new connection works, so the increased tolerance stays.
    this.#silence = message.type === "ready" ? { ...this.#silence, loudMs: 0 } : noSilence;
    this.#owner.onMessage(message);
    this.#dispatch({ type: "message", message });
  }

  #dispatch(input: ConnectionInput): void {
    const before = this.#state;
    const { state, effects } = step(before, input, performance.now());
    this.#state = state;
    if (state.phase !== before.phase) this.#setTimer(state);
    this.#owner.onState(state);
    for (const effect of effects) this.#perform[effect]();
    if (state.phase !== "idle" || !this.#restarts) return;
    this.#restarts = false;
    this.#dispatch({ type: "start" });
  }

  #setTimer(state: ConnectionState): void {
    clearTimeout(this.#timer);
    const timeout = timeoutMs(state, Math.random());
    if (timeout === null) return;
    this.#timer = setTimeout(() => this.#dispatch({ type: "timeout" }), timeout);
  }

  readonly #perform: Record<Effect, () => void> = {
    open_audio: () => {
      this.#silence = noSilence;
      this.#owner.openAudio();
    },
    end_audio: () => {
      void this.#owner.endAudio().then((isLast) => {
        if (isLast) this.#socket.send({ type: "stop" });
      });
    },
    drop_audio: () => {
      this.#owner.dropAudio();
      this.#socket.forgetSession();
    },
    start_session: () => {
      this.#connect(({ url, key }) =>
        this.#socket.startSession(url, { ...this.#owner.options(), ...audioOf(this.#channels) }, key),
      );
    },
    resume_session: () => {
      this.#connect(({ url, key }) => this.#socket.resumeSession(url, key));
    },
    flush: () => this.#socket.replay(this.#configureMessage()),
    close_socket: () => {
      this.#attempt += 1;
      this.#socket.close();
    },
  };

  #connect(open: (server: ServerEndpoint) => void): void {
    const attempt = ++this.#attempt;
    this.#attemptAt = performance.now();
    this.#owner
      .server()
      .then((server) => {
        if (this.#attempt === attempt) open(server);
      })
      .catch((error: unknown) => this.fail(serverProblem(error)));
  }

  #configureMessage(): Configure {
    return { type: "configure", ...this.#owner.options() };
  }
}

/** The address of the server could not be found. */
export const serverProblem = (error: unknown): Problem =>
  problem("server_failed", error instanceof Error ? error.message : undefined);
