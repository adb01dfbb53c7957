/** What can go wrong, in words: what happened, and what to do. */

export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly advice: string;
}

export type Words = readonly [message: string, advice: string];

export const PROBLEMS = {
  microphone_denied: [
    "The microphone is blocked.",
    "Allow it for this page in the browser's site settings, then press Start.",
  ],
  microphone_forbidden: [
    "The microphone is blocked.",
    "Allow it for Nova Voice in the system's privacy settings, then press Start.",
  ],
  microphone_missing: ["No microphone was found.", "Plug one in, then press Start."],
  microphone_busy: ["The microphone could not be opened.", "Close other programs that use it, or choose another one."],
  microphone_lost: ["The microphone was disconnected.", "Plug it in again or choose another one, then press Start."],
  microphone_insecure: [
    "Browsers give the microphone to secure pages only.",
    "Open this page over https, or at localhost.",
  ],
  audio_failed: [
    "The browser could not process the microphone's sound.",
    "Reload the page; if it happens again, update the browser.",
  ],
  connection_lost: [
    "The server cannot be reached.",
    "Check that it is running and that you are online, then press Start.",
  ],
  restarting: ["The server restarts.", "Press Start in a moment."],
  taken_over: ["This session goes on elsewhere.", "Another window took it over; press Start to begin a new one here."],
  no_answer: ["The server does not answer.", "Check that its workers are running, then press Start."],
  last_words_lost: ["The last words did not arrive.", "What you see is all there is; press Start to go on."],
  overloaded: ["The server is busy.", "Try again in a moment."],
  refused: ["The server refused the session.", "Check the settings, then press Start."],
  redis_unavailable: ["The server's Redis does not answer.", "Check that it runs, then press Start."],
  overdue: ["The last words did not come in time.", "Check that the server's workers are running, then press Start."],
  unsupported_language: ["The server does not serve this language.", "Choose another one, then press Start."],
  unauthorized: ["The server lets nobody in without a key.", "Enter yours below, then press Start."],
  forbidden: ["This key is not for speaking.", "Enter another one below, then press Start."],
  over_quota: ["Your share is used up.", "Try again later, or ask whoever runs the server."],
  ended: ["The server ended the session.", "Press Start to go on."],
  internal: ["Something failed on the server.", "Press Start to try again; its log says more."],
  source_missing: [
    "The sound of that program cannot be heard.",
    "Choose it again, or the sound of the whole computer.",
  ],
  source_lost: ["The program whose sound was heard is gone.", "Choose another one, then press Start."],
  file_unreadable: ["This file cannot be played.", "Choose a file with sound, such as MP3, WAV, MP4 or WebM."],
  server_failed: [
    "The server on this computer did not start.",
    "Look at its lines in the settings, or use another server.",
  ],
} satisfies Readonly<Record<string, Words>>;

const known: ReadonlyMap<string, Words> = new Map(Object.entries(PROBLEMS));

const BY_CLOSE_CODE: Readonly<Record<number, string>> = {
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

/** A problem by its code; the server's own message, where it sent one, comes first. */
export function problem(code: string, message?: string): Problem {
  const [words, advice] = known.get(code) ?? ["Something went wrong.", "Press Start to try again."];
  return { code, message: message ?? words, advice };
}

/** What a WebSocket close code means here. */
export function closedWith(closeCode: number): Problem {
  return problem(BY_CLOSE_CODE[closeCode] ?? "connection_lost");
}

/** What a refusal of getUserMedia means, in a browser's page or in a window of our own. */
export function microphoneProblem(errorName: string, isOurWindow: boolean): Problem {
  switch (errorName) {
    case "NotAllowedError":
    case "SecurityError":
      return problem(isOurWindow ? "microphone_forbidden" : "microphone_denied");
    case "NotFoundError":
    case "OverconstrainedError":
      return problem("microphone_missing");
    case "NotReadableError":
    case "AbortError":
      return problem("microphone_busy");
    default:
      return problem("audio_failed");
  }
}
