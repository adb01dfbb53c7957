/** Where the server is: the page's own host, or the one that `?server=` names. */

const PATH = "/v1/stream";

export interface ServerAddress {
  readonly url: string;
  readonly host: string;
  /** Whether it is another host than the page's: the reader is told where the sound goes. */
  readonly isElsewhere: boolean;
}

/** `?server=` takes `host`, `host:port`, or an address that begins with ws:, wss:, http: or https:; what cannot be one is ignored. */
export function serverAddress(page: Pick<Location, "protocol" | "host" | "search">): ServerAddress {
  const scheme = page.protocol === "https:" ? "wss:" : "ws:";
  const named = new URLSearchParams(page.search).get("server") ?? page.host;
  const whole = /^(ws|http)s?:\/\//.test(named) ? named.replace(/^http/, "ws") : `${scheme}//${named}`;
  const url = new URL(URL.canParse(whole) ? whole : `${scheme}//${page.host}`);
  if (url.pathname === "/") url.pathname = PATH;
  return { url: url.href, host: url.host, isElsewhere: url.host !== page.host };
}
