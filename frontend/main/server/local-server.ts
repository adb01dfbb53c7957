/** The server on this computer: runs `nova up`, tells what it says, and ends it. */
import { spawn, type ChildProcess } from "node:child_process";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import type { ServerState } from "../../src/desktop/bridge";
import { later } from "../system/delay";
import { found } from "../keyboard/system-keyboards";
import type { Words } from "../i18n/texts";

/** Models are fetched at the first start, and each piece is told; a silence as long as this is a fault. */
const SILENT_MS = 180_000;
const END_WITHIN_MS = 15_000;
const LAST_LINES = 3;
const READY = /Nova Voice is ready: (https?:\/\/\S+)/;

export class LocalServer {
  readonly #words: Words;
  readonly #tell: (state: ServerState) => void;
  #running: Promise<string> | null = null;
  #child: ChildProcess | null = null;
  state: ServerState = { phase: "off" };

  constructor(words: Words, tell: (state: ServerState) => void) {
    this.#words = words;
    this.#tell = tell;
  }

  /** Its address, once it is ready; started if it is not. Rejects with a sentence for the person. */
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

  /** Once it is gone. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    this.#running = null;
    if (child === null) return;
    const ended = new Promise<void>((resolve) => child.once("exit", () => { resolve(); }));
    child.kill("SIGINT");
    await Promise.race([ended, later(END_WITHIN_MS).then(() => child.kill("SIGKILL"))]);
    this.#be({ phase: "off" });
  }

  async #start(): Promise<string> {
    const command = await novaCommand();
    if (command === null) throw this.#fail(this.#words.noNova);
    this.#be({ phase: "starting", line: "" });
    return new Promise((resolve, reject) => {
      const child = spawn(command, ["up", "--port", "0"], { stdio: ["ignore", "pipe", "pipe"], windowsHide: true });
      this.#child = child;
      const said: string[] = [];
      const fail = (sentence: string) => {
        if (this.#child === child) reject(this.#fail([sentence, ...said.slice(-LAST_LINES)].join(" ")));
      };
      const silence = setTimeout(() => {
        fail(this.#words.serverSilent);
        child.kill("SIGINT");
      }, SILENT_MS);
      const hear = (line: string) => {
        said.push(line);
        said.splice(0, said.length - LAST_LINES);
        silence.refresh();
        const url = READY.exec(line)?.[1];
        if (url !== undefined) {
          clearTimeout(silence);
          this.#be({ phase: "running", url });
          resolve(url);
        } else if (this.state.phase === "starting") this.#be({ phase: "starting", line });
      };
      for (const stream of [child.stdout, child.stderr]) byLines(stream, hear);
      const end = (sentence: string) => {
        clearTimeout(silence);
        fail(sentence);
        if (this.#child === child) this.#running = this.#child = null;
      };
      child.on("error", (error) => {
        end(error.message);
      });
      child.on("close", () => {
        end(this.#words.serverStopped);
      });
    });
  }

  #be(state: ServerState): void {
    this.state = state;
    this.#tell(state);
  }

  #fail(problem: string): Error {
    this.#be({ phase: "failed", problem });
    return new Error(problem);
  }
}

/** Where `nova` is: where NOVA_COMMAND says, else on the PATH, else where installers put it; null where it is not. */
export async function novaCommand(): Promise<string | null> {
  const named = process.env.NOVA_COMMAND;
  if (named !== undefined) return named;
  const usual = [join(homedir(), ".local", "bin"), "/usr/local/bin", "/opt/homebrew/bin"];
  return found(process.platform === "win32" ? "nova.exe" : "nova", [process.env.PATH ?? "", ...usual].join(delimiter));
}

/** Whole lines, without colours and blank ends; empty ones are left out. */
function byLines(stream: NodeJS.ReadableStream, hear: (line: string) => void): void {
  let rest = "";
  stream.on("data", (piece: Buffer) => {
    const lines = (rest + piece.toString()).split(/\r\n|\n|\r/);
    rest = (lines.pop() ?? "").slice(-10_000);
    for (const line of lines.map(plain)) if (line !== "") hear(line);
  });
}

 
const plain = (line: string) => line.replace(/\u001b\[[0-9;]*m/g, "").trim();
