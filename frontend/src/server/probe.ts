/** Whether a server would take a session, asked as a session asks. */
import { closedWith, problem, type Problem } from "../../client/src/protocol/problems";
import type { ClientMessage, ServerMessage } from "../../client/src/protocol/messages";
import { offered } from "../../client/src/session/resumable-socket";

/** How long the answer took, or what is the matter. */
export type Answer = { readonly ms: number } | { readonly problem: Problem };

const ANSWER_WITHIN_MS = 6_000;

export function probe(url: string, key: string): Promise<Answer> {
  return new Promise((resolve) => {
    const since = performance.now();
    const socket = new WebSocket(url, offered(key));
    const say = (message: ClientMessage) => {
      socket.send(JSON.stringify(message));
    };
    const answer = (what: Answer) => {
      clearTimeout(patience);
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
      resolve(what);
    };
    const patience = setTimeout(answer, ANSWER_WITHIN_MS, { problem: problem("no_answer") });
    socket.onopen = () => {
      say({ type: "start", partials: false });
    };
    socket.onmessage = ({ data }: MessageEvent<string>) => {
      const message = JSON.parse(data) as ServerMessage;
      if (message.type === "ready") {
        say({ type: "stop" });
        answer({ ms: Math.round(performance.now() - since) });
      }
      if (message.type === "error" && message.fatal) answer({ problem: problem(message.code, message.message) });
    };
    socket.onclose = ({ code }) => {
      answer({ problem: closedWith(code) });
    };
  });
}
