import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { final } from "../../../client/src/testing/server-events";
import type { RecordingLine, RecordingState } from "./recording-state";
import { uploadRecording, type UploadListener } from "./upload";

/** A browser's request, whose answer the test writes. */
class FakeRequest {
  static last: FakeRequest;
  readonly upload = {};
  readonly headers: Record<string, string> = {};
  status = 0;
  responseText = "";
  isAborted = false;
  onprogress: () => void = () => undefined;
  onload: () => void = () => undefined;

  constructor() {
    FakeRequest.last = this;
  }

  open(): void {
    this.status = 0;
  }

  /** As browsers do, it converts the value to bytes. */
  setRequestHeader(name: string, value: string): void {
    this.headers[name] = new Headers({ [name]: value }).get(name) ?? "";
  }

  send(): void {
    this.responseText = "";
  }

  abort(): void {
    this.isAborted = true;
  }

  receive(status: number, text: string): void {
    this.status = status;
    this.responseText += text;
    this.onprogress();
  }
}

function uploaded(key = "") {
  const states: RecordingState[] = [];
  const lines: RecordingLine[] = [];
  const listener: UploadListener = { onState: (state) => states.push(state), onLine: (line) => lines.push(line) };
  uploadRecording(new File(["abc"], "a.mp4"), { url: "ws://localhost/v1/stream", key }, {}, listener);
  return { request: FakeRequest.last, lines, state: () => states.at(-1) };
}

const opened = '{"type":"recording"}\n';
const LOGIN_PAGE = "<!doctype html>\n<title>Welcome to the hotel</title>\n";

beforeEach(() => vi.stubGlobal("XMLHttpRequest", FakeRequest));
afterEach(() => vi.unstubAllGlobals());

test("the key is sent", () => {
  expect(uploaded("nova_1").request.headers).toEqual({ Authorization: "Bearer nova_1" });
  expect(uploaded("").request.headers).toEqual({});
});

test.each(["ключ", "nova\n1"])("the key %j cannot be sent, and the answer of the server is the result", (key) => {
  const { request, state } = uploaded(key);
  expect([request.headers, state()]).toMatchObject([{}, { phase: "uploading" }]);
  request.receive(401, '{"code":"unauthorized","message":"A key is required."}');
  request.onload();
  expect(state()).toMatchObject({ phase: "failed", problem: { code: "unauthorized" } });
});

test.each([LOGIN_PAGE, "<!doctype html>", "null\n", '{"ok":true}\n', ""])(
  "the answer %j is not from the server, which cannot be reached",
  (text) => {
    const { request, lines, state } = uploaded();
    request.receive(200, text);
    request.onload();
    expect([state(), lines]).toMatchObject([{ phase: "failed", problem: { code: "connection_lost" } }, []]);
  },
);

test("an answer that is not from the server ends the upload before it is complete", () => {
  const { request, state } = uploaded();
  request.receive(200, LOGIN_PAGE);
  expect([state()?.phase, request.isAborted]).toEqual(["failed", true]);
});

test("an error page after the first texts interrupts the recording, and keeps them", () => {
  const { request, lines, state } = uploaded();
  request.receive(200, opened);
  request.receive(200, `${JSON.stringify(final(1, "One."))}\n${LOGIN_PAGE}`);
  expect(lines).toEqual([{ type: "recording" }, final(1, "One.")]);
  expect(state()).toMatchObject({ phase: "failed", problem: { code: "recording_interrupted" } });
});
