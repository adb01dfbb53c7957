/** Checks whether a server accepts sessions, by opening one and closing it again. */
import type { ClientMessage, ServerMessage } from "../../client/src/protocol/messages";
import { problem, problemOfCloseCode, type Problem } from "../../client/src/protocol/problems";
import { subprotocols } from "../../client/src/session/resumable-socket";

/** How long the server took to accept the session, or why it did not. */
export type ProbeResult = { readonly ms: number } | { readonly problem: Problem };

const TIMEOUT_MS = 6_000;

export function probeServer(url: string, key: string): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const startedAt = performance.now();
    const socket = new WebSocket(url, subprotocols(key));
    const send = (message: ClientMessage) => socket.send(JSON.stringify(message));
    const finish = (result: ProbeResult) => {
      clearTimeout(timer);
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
      resolve(result);
    };
    const timer = setTimeout(finish, TIMEOUT_MS, { problem: problem("no_answer") });
    socket.onopen = () => send({ type: "start", partials: false });
    socket.onmessage = ({ data }: MessageEvent<string>) => {
      const message = JSON.parse(data) as ServerMessage;
      if (message.type === "ready") {
        send({ type: "stop" });
        finish({ ms: Math.round(performance.now() - startedAt) });
      }
      if (message.type === "error" && message.fatal) finish({ problem: problem(message.code, message.message) });
    };
    socket.onclose = ({ code }) => finish({ problem: problemOfCloseCode(code) });
  });
}
