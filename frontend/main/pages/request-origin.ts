/** Returns the origin of the server's own pages: for `ws://host/path` it is `http://host`. Pure. */
export function originFor(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol === "wss:" ? "https:" : "http:"}//${host}`;
}
