/**
 * Sends a file to the server, and reads the events of its session while they arrive.
 *
 * XMLHttpRequest reports how much of a body was sent, which fetch does not. The browser reads the file from the disk as
 * it sends it.
 */
import { problem } from "../../../client/src/protocol/problems";
import type { Error as ErrorMessage } from "../../../client/src/protocol/messages";
import type { SessionOptions } from "../../../client/src/protocol/session-options";
import { recordingsUrl } from "./recordings-url";
import {
  applyLine,
  endOfResponse,
  failed,
  LineReader,
  type RecordingLine,
  type RecordingState,
} from "./recording-state";

export interface UploadTarget {
  /** Of the WebSocket. */
  readonly url: string;
  readonly key: string;
}

export interface UploadListener {
  readonly onState: (state: RecordingState) => void;
  readonly onLine: (line: RecordingLine) => void;
}

/** Returns a function that cancels. */
export function uploadRecording(
  file: File,
  { url, key }: UploadTarget,
  options: SessionOptions,
  { onState, onLine }: UploadListener,
): () => void {
  let state: RecordingState = { phase: "uploading", name: file.name, sent: 0, total: file.size };
  const request = new XMLHttpRequest();
  const lines = new LineReader();
  const change = (next: RecordingState) => {
    if (next === state) return;
    state = next;
    onState(state);
  };
  const endEarly = () => {
    request.abort();
    change(endOfResponse(state));
  };
  const readLines = () => {
    if (request.status !== 200) return;
    for (const line of lines.newLines(request.responseText)) {
      if (line === null) {
        endEarly();
        return;
      }
      onLine(line);
      change(applyLine(state, line));
    }
  };
  request.upload.onprogress = ({ loaded }) => {
    if (state.phase === "uploading") change({ ...state, sent: Math.min(loaded, state.total) });
  };
  request.onprogress = readLines;
  request.onload = () => {
    readLines();
    change(request.status === 200 ? endOfResponse(state) : refusal(file.name, request));
  };
  // Some servers close the connection after they have refused a body, so that no answer arrives.
  request.onerror = () => change(endOfResponse(state));
  request.open("POST", recordingsUrl(url, options));
  // Browsers throw if a header has other characters. Without the key, the server reports that it is missing.
  if (/^[\x20-\x7e\xa0-\xff]+$/.test(key)) request.setRequestHeader("Authorization", `Bearer ${key}`);
  onState(state);
  request.send(file);
  return () => request.abort();
}

function refusal(name: string, { responseText, status }: XMLHttpRequest): RecordingState {
  try {
    const { code, message } = JSON.parse(responseText) as ErrorMessage;
    return failed(name, problem(code, message));
  } catch {
    // A proxy answered.
    return failed(name, problem(status === 413 ? "file_too_large" : "connection_lost"));
  }
}
