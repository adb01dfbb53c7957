/** For tests of what speaks to a server. */

/** The browser's side of a connection: what was written on it, and the hands of its server. */
export class FakeSocket {
  static opened: FakeSocket[] = [];
  readonly written: unknown[] = [];
  isClosed = false;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {
    FakeSocket.opened.push(this);
  }

  send(data: string | Int16Array): void {
    if (this.isClosed) throw new Error("sent on a closed socket");
    this.written.push(typeof data === "string" ? (JSON.parse(data) as unknown) : [...data]);
  }

  close(): void {
    this.isClosed = true;
  }

  says(...messages: unknown[]): void {
    for (const message of messages) this.onmessage?.({ data: JSON.stringify(message) });
  }
}
