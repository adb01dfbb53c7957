import { useSyncExternalStore } from "react";
import type { Store } from "../session/store";

/** Returns the store's value, and renders the component again when it changes. */
export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, store.get);
}
