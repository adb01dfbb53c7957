/** Runs the server on this computer with `nova up`, and reports its state. */
import { spawn, type ChildProcess } from "node:child_process";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import type { ServerState } from "../../src/desktop/bridge";
import { delay } from "../system/delay";
import { findCommand } from "../keyboard/system-keyboards";
import type { ShellTexts } from "../i18n/texts";

// The first start downloads models and reports progress, so a silence of this length is a fault.
const SILENCE_TIMEOUT_MS = 180_000;
const STOP_TIMEOUT_MS = 15_000;
// Lines of output in the error message.
const LAST_LINES = 3;
const READY = /Nova Voice is ready: (https?:\/\/\S+)/;

export class LocalServer {
  readonly #texts: ShellTexts;
  readonly #onState: (state: ServerState) => void;
  #running: Promise<string> | null = null;
  #child: ChildProcess | null = null;
  state: ServerState = { phase: "off" };

  constructor(texts: ShellTexts, onState: (state: ServerState) => void) {
    this.#texts = texts;
    this.#onState = onState;
  }

  /** Starts the server if necessary. Resolves to its URL; rejects with a message for the user. */
  url(): Promise<string> {
    if (this.#running === null) {
      const running = this.#start();
      this.#running = running;
      running.catch(() => {
        if (this.#running === running) this.#running = null;
      });
    }
    return this.#running;
  }

  /** Resolves when the process has ended. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    this.#running = null;
    if (child === null) return;
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGINT");
    await Promise.race([ended, delay(STOP_TIMEOUT_MS).then(() => child.kill("SIGKILL"))]);
    this.#setState({ phase: "off" });
  }

  async #start(): Promise<string> {
    const command = await findNova();
    if (command === null) throw this.#fail(this.#texts.noNova);
    this.#setState({ phase: "starting", line: "" });
    return new Promise((resolve, reject) => {
      const child = spawn(command, ["up", "--port", "0"], { stdio: ["ignore", "pipe", "pipe"], windowsHide: true });
      this.#child = child;
      const output: string[] = [];
      const fail = (message: string) => {
        if (this.#child === child) reject(this.#fail([message, ...output.slice(-LAST_LINES)].join(" ")));
      };
      const silenceTimer = setTimeout(() => {
        fail(this.#texts.serverSilent);
        child.kill("SIGINT");
      }, SILENCE_TIMEOUT_MS);
      const onLine = (line: string) => {
        output.push(line);
        output.splice(0, output.length - LAST_LINES);
        silenceTimer.refresh();
        const url = READY.exec(line)?.[1];
        if (url !== undefined) {
          clearTimeout(silenceTimer);
          this.#setState({ phase: "running", url });
          resolve(url);
        } else if (this.state.phase === "starting") this.#setState({ phase: "starting", line });
      };
      for (const stream of [child.stdout, child.stderr]) readLines(stream, onLine);
      const onEnd = (message: string) => {
        clearTimeout(silenceTimer);
        fail(message);
        if (this.#child === child) this.#running = this.#child = null;
      };
      child.on("error", (error) => onEnd(error.message));
      child.on("close", () => onEnd(this.#texts.serverStopped));
    });
  }

  #setState(state: ServerState): void {
    this.state = state;
    this.#onState(state);
  }

  #fail(problem: string): Error {
    this.#setState({ phase: "failed", problem });
    return new Error(problem);
  }
}

/**
 * Finds the command `nova`: in NOVA_COMMAND, on the PATH, or where installers put it. Returns null if there is none.
 */
export async function findNova(): Promise<string | null> {
  const configured = process.env.NOVA_COMMAND;
  if (configured !== undefined) return configured;
  const installFolders = [join(homedir(), ".local", "bin"), "/usr/local/bin", "/opt/homebrew/bin"];
  return findCommand(
    process.platform === "win32" ? "nova.exe" : "nova",
    [process.env.PATH ?? "", ...installFolders].join(delimiter),
  );
}

/** Reports complete lines, without colors and surrounding space. Empty lines are skipped. */
function readLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = "";
  stream.on("data", (piece: Buffer) => {
    const lines = (rest + piece.toString()).split(/\r\n|\n|\r/);
    rest = (lines.pop() ?? "").slice(-10_000);
    for (const line of lines.map(plain)) if (line !== "") onLine(line);
  });
}

const plain = (line: string) => line.replace(/\u001b\[[0-9;]*m/g, "").trim();
