/**
 * Parses server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6).
 *
 * `EventSource` of browsers cannot send the token of a link in a header, and does not say why it was refused.
 */
export interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
}

/** Returns a function that takes the next part of the stream, and returns the events that it completes. */
export function createEventParser(): (part: string) => readonly ServerSentEvent[] {
  let rest = "";
  return (part) => {
    // A "\r" at the end may be followed by "\n" in the next part. Our server sends "\n" only.
    const blocks = (rest + part).replaceAll("\r\n", "\n").split("\n\n");
    rest = blocks.pop() ?? "";
    return blocks.map(parseBlock).filter(({ data }) => data !== "");
  };
}

function parseBlock(block: string): ServerSentEvent {
  const fields = block.split("\n").map((line): readonly [string, string] => {
    const colon = line.indexOf(":");
    return colon === -1 ? [line, ""] : [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, "")];
  });
  const data = fields.filter(([name]) => name === "data").map(([, value]) => value);
  return { event: fields.findLast(([name]) => name === "event")?.[1] ?? "message", data: data.join("\n") };
}
