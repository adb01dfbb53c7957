/** A server's address, as people write it. Pure. */

const PATH = "/v1/stream";

/** The stream's: `host`, `host:port`, or an address that begins with ws:, wss:, http: or https:. Null for anything else. */
export function streamAddress(written: string): string | null {
  const named = written.trim();
  if (/^(?!(ws|http)s?:)[a-z]+:\/\//i.test(named)) return null;
  const whole = /^(ws|http)s?:\/\//i.test(named) ? named.replace(/^http/i, "ws") : `ws://${named}`;
  if (named === "" || !URL.canParse(whole)) return null;
  const url = new URL(whole);
  if (url.hostname === "" || url.username !== "" || url.password !== "") return null;
  if (url.pathname === "/") url.pathname = PATH;
  return url.href;
}
