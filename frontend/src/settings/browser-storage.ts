/** What the reader has chosen, kept by the browser. */
import { DEFAULTS, parseSettings, settingsText, type Settings } from "./settings";
import { createStore, type Store } from "../session/store";

const KEY = "nova.settings";

/**
 * A store that saves itself. Where the browser keeps nothing, the choice lasts as long as the page. The key is kept for
 * its server alone: a link that names another must not have it sent there.
 */
export function keptSettings(server: string): Store<Settings> {
  const store = createStore(read(server));
  store.subscribe(() => {
    try {
      localStorage.setItem(KEY, settingsText(store.get()));
      localStorage.setItem(keyOf(server), store.get().key);
    } catch {
      // Private windows may refuse: the choice holds until the page is closed.
    }
  });
  return store;
}

const keyOf = (server: string) => `nova.key ${server}`;

function read(server: string): Settings {
  try {
    return { ...parseSettings(localStorage.getItem(KEY) ?? ""), key: localStorage.getItem(keyOf(server)) ?? "" };
  } catch {
    return DEFAULTS;
  }
}
