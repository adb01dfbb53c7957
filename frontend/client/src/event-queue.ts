/** A queue that is read with `for await`. It is bounded: beyond the limit the oldest items are discarded. */
export class EventQueue<T> implements AsyncIterableIterator<T> {
  readonly #limit: number;
  readonly #readers: PromiseWithResolvers<IteratorResult<T>>[] = [];
  #items: T[] = [];
  #end: { readonly error: Error | null } | null = null;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(item: T): void {
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve({ done: false, value: item });
      return;
    }
    this.#items.push(item);
    if (this.#items.length > this.#limit) this.#items.shift();
  }

  /** Ends the iteration after the queued items; with an error, the iteration throws it. */
  end(error: Error | null): void {
    this.#end ??= { error };
    for (const reader of this.#readers.splice(0)) this.next().then(reader.resolve, reader.reject);
  }

  next(): Promise<IteratorResult<T>> {
    const [item] = this.#items.splice(0, 1);
    if (item !== undefined) return Promise.resolve({ done: false, value: item });
    if (this.#end === null) {
      const reader = withResolvers<IteratorResult<T>>();
      this.#readers.push(reader);
      return reader.promise;
    }
    const { error } = this.#end;
    return error === null ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/** Promise.withResolvers, which Node.js 20 lacks. */
export function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve: (value: T) => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
