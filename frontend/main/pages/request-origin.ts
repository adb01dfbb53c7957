/** Whose page a server is to believe to speak with. Pure. */

/** `ws://host/path` is `http://host`. */
export function originFor(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol === "wss:" ? "https:" : "http:"}//${host}`;
}
