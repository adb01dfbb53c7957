/** A value that others may watch. `subscribe` and `get` are what React's useSyncExternalStore asks for. */
export interface Store<T> {
  get: () => T;
  set: (next: T) => void;
  update: (change: (value: T) => T) => void;
  /** Calls `listener` after every change, until the function it returns is called. */
  subscribe: (listener: () => void) => () => void;
}

export function createStore<T>(initial: T): Store<T> {
  const listeners = new Set<() => void>();
  let value = initial;
  const set = (next: T) => {
    if (Object.is(next, value)) return;
    value = next;
    for (const listener of listeners) listener();
  };
  return {
    get: () => value,
    set,
    update: (change) => {
      set(change(value));
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
