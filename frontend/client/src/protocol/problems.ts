/** A reason why a session failed or is waiting. */
export interface Problem {
  /** Stable; the server's error code where the server sent one. */
  readonly code: string;
  /** In English; empty when neither the server nor this client has a text for the code. */
  readonly message: string;
}

/** Problems that the client detects by itself. All others come from the server, with a message. */
export const CLIENT_PROBLEMS = {
  connection_lost: "The server cannot be reached.",
  restarting: "The server is restarting.",
  taken_over: "This session continues in another window.",
  no_answer: "The server does not answer.",
  last_words_lost: "The last words did not arrive.",
  overloaded: "The server is busy.",
  refused: "The server refused the session.",
  ended: "The server ended the session.",
  internal: "Something failed on the server.",
} as const;

type ClientProblemCode = keyof typeof CLIENT_PROBLEMS;

const messages: ReadonlyMap<string, string> = new Map(Object.entries(CLIENT_PROBLEMS));

const CODE_BY_CLOSE_CODE: Readonly<Record<number, ClientProblemCode>> = {
  1000: "ended",
  1003: "refused",
  1007: "refused",
  1008: "refused",
  1009: "refused",
  1011: "internal",
  1012: "restarting",
  1013: "overloaded",
  4001: "taken_over",
};

export function problem(code: string, message?: string): Problem {
  return { code, message: message ?? messages.get(code) ?? "" };
}

/** Translates a WebSocket close code. */
export function problemOfCloseCode(closeCode: number): Problem {
  return problem(CODE_BY_CLOSE_CODE[closeCode] ?? "connection_lost");
}
