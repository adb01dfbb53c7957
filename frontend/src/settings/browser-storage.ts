/** Keeps the settings of the page in localStorage. */
import { DEFAULT_SETTINGS, parseSettings, serializeSettings, type Settings } from "./settings";
import { createStore, type Store } from "../session/store";

const SETTINGS_ENTRY = "nova.settings";

/**
 * Returns a store that saves itself on each change.
 *
 * The API key is stored for `server` only, so that a link to the page with another server does not send it there.
 */
export function loadSettings(server: string): Store<Settings> {
  const store = createStore(read(server));
  store.subscribe(() => {
    try {
      localStorage.setItem(SETTINGS_ENTRY, serializeSettings(store.get()));
      localStorage.setItem(keyOf(server), store.get().key);
    } catch {
      // Private windows may refuse to store anything. The settings then last until the page is closed.
    }
  });
  return store;
}

const keyOf = (server: string) => `nova.key ${server}`;

function read(server: string): Settings {
  try {
    return {
      ...parseSettings(localStorage.getItem(SETTINGS_ENTRY) ?? ""),
      key: localStorage.getItem(keyOf(server)) ?? "",
    };
  } catch {
    return DEFAULT_SETTINGS;
  }
}
