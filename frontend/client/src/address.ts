const STREAM_PATH = "/v1/stream";

/**
 * Completes a server address to the URL of its audio stream.
 *
 * @param written `host`, `host:port`, or a URL with ws:, wss:, http: or https:.
 * @param scheme For addresses without one.
 * @returns null if `written` is no valid address, or contains a user name or password.
 */
export function streamUrl(written: string, scheme: "ws:" | "wss:" = "ws:"): string | null {
  const address = written.trim();
  if (/^(?!(ws|http)s?:)[a-z]+:\/\//i.test(address)) return null;
  const full = /^(ws|http)s?:\/\//i.test(address) ? address.replace(/^http/i, "ws") : `${scheme}//${address}`;
  if (address === "" || !URL.canParse(full)) return null;
  const url = new URL(full);
  if (url.hostname === "" || url.username !== "" || url.password !== "") return null;
  if (url.pathname === "/") url.pathname = STREAM_PATH;
  return url.href;
}
