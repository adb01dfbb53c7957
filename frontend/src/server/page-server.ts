/** The server of the page: its own host, or the one that the query parameter `server` names. */
import { streamUrl } from "../../client/src/address";

export interface PageServer {
  readonly url: string;
  readonly host: string;
  /** Whether audio goes to another host than the page's; the user is informed. */
  readonly isOtherHost: boolean;
}

/** An invalid `server` parameter is ignored. */
export function pageServer(page: Pick<Location, "protocol" | "host" | "search">): PageServer {
  const scheme = page.protocol === "https:" ? "wss:" : "ws:";
  const requested = new URLSearchParams(page.search).get("server") ?? page.host;
  const url = streamUrl(requested, scheme) ?? `${scheme}//${page.host}/v1/stream`;
  const { host } = new URL(url);
  return { url, host, isOtherHost: host !== page.host };
}
