/** How far the transcription of a file is, from the lines of the server's response. */
import type { ServerMessage } from "../../../client/src/protocol/messages";
import { problem, type Problem } from "../../../client/src/protocol/problems";

/** The first line: the file was received, and has this length if it says so. */
interface RecordingOpened {
  readonly type: "recording";
  readonly length_ms?: number;
}

export type RecordingLine = RecordingOpened | ServerMessage;

export type RecordingState =
  | { readonly phase: "none" }
  | { readonly phase: "uploading"; readonly name: string; readonly sent: number; readonly total: number }
  /** `lengthMs`: null if the file does not say. */
  | {
      readonly phase: "transcribing";
      readonly name: string;
      readonly doneMs: number;
      readonly lengthMs: number | null;
      readonly hasText: boolean;
    }
  | { readonly phase: "finished"; readonly name: string; readonly hasText: boolean }
  | { readonly phase: "failed"; readonly name: string; readonly problem: Problem };

export const noRecording: RecordingState = { phase: "none" };

export const isBusy = ({ phase }: RecordingState): boolean => phase === "uploading" || phase === "transcribing";

export function applyLine(state: RecordingState, line: RecordingLine): RecordingState {
  if (state.phase === "uploading" && line.type === "recording") {
    return { phase: "transcribing", name: state.name, doneMs: 0, lengthMs: line.length_ms ?? null, hasText: false };
  }
  if (state.phase !== "transcribing") return state;
  switch (line.type) {
    case "final":
      return { ...state, doneMs: Math.max(state.doneMs, line.end_ms), hasText: state.hasText || line.text !== "" };
    case "error":
      return line.fatal ? failed(state.name, problem(line.code, line.message)) : state;
    case "done":
      return { phase: "finished", name: state.name, hasText: state.hasText };
    default:
      return state;
  }
}

/** The response has ended. Without `done`, the connection was lost; without the first line, no server answered. */
export function endOfResponse(state: RecordingState): RecordingState {
  switch (state.phase) {
    case "uploading":
      return failed(state.name, problem("connection_lost"));
    case "transcribing":
      return failed(state.name, problem("recording_interrupted"));
    default:
      return state;
  }
}

export const failed = (name: string, reason: Problem): RecordingState => ({ phase: "failed", name, problem: reason });

/** 0 to 1; null if the length of the recording is not known. */
export function shareDone(state: RecordingState): number | null {
  switch (state.phase) {
    case "uploading":
      return state.total > 0 ? state.sent / state.total : null;
    case "transcribing":
      return state.lengthMs ? Math.min(1, state.doneMs / state.lengthMs) : null;
    default:
      return null;
  }
}

/** Collects the pieces of a response into lines. */
export class LineReader {
  #read = 0;

  /**
   * Returns the lines that are complete and were not returned before. null is a line that no gateway sends, such as one
   * of the login page of a public network.
   *
   * @param text All of the response so far.
   */
  newLines(text: string): (RecordingLine | null)[] {
    const end = text.lastIndexOf("\n") + 1;
    const lines = text.slice(this.#read, end).split("\n");
    this.#read = Math.max(this.#read, end);
    return lines.filter((line) => line !== "").map(parseLine);
  }
}

function parseLine(line: string): RecordingLine | null {
  try {
    const parsed = JSON.parse(line) as Partial<RecordingLine> | null;
    return typeof parsed?.type === "string" ? (parsed as RecordingLine) : null;
  } catch {
    return null;
  }
}
