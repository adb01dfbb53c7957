/** A WebSocket for tests: records what is sent, and delivers what the test lets the server send. */
export class FakeSocket {
  static opened: FakeSocket[] = [];
  readonly sent: unknown[] = [];
  isClosed = false;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onerror: (() => void) | null = null;

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {
    FakeSocket.opened.push(this);
  }

  send(data: string | Int16Array): void {
    if (this.isClosed) throw new Error("sent on a closed socket");
    this.sent.push(typeof data === "string" ? (JSON.parse(data) as unknown) : [...data]);
  }

  close(): void {
    this.isClosed = true;
  }

  receive(...messages: unknown[]): void {
    for (const message of messages) this.onmessage?.({ data: JSON.stringify(message) });
  }
}
