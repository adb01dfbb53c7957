/** What the reader has chosen, kept by the browser. */
import { createStore, type Store } from "./core/store";

export interface Settings {
  /** A device id; "" is the browser's default. */
  readonly microphone: string;
  /** A language code, or "auto". */
  readonly language: string;
  /** A language code; "" is no translation. */
  readonly target: string;
}

const KEY = "nova.settings";
const DEFAULTS: Settings = { microphone: "", language: "auto", target: "" };

/** A store that saves itself. Where the browser keeps nothing, the choice lasts as long as the page. */
export function keptSettings(): Store<Settings> {
  const store = createStore(read());
  store.subscribe(() => {
    try {
      localStorage.setItem(KEY, JSON.stringify(store.get()));
    } catch {
      // Private windows may refuse: the choice holds until the page is closed.
    }
  });
  return store;
}

function read(): Settings {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Record<string, unknown>;
    const choice = (key: keyof Settings) => (typeof kept[key] === "string" ? kept[key] : DEFAULTS[key]);
    return { microphone: choice("microphone"), language: choice("language"), target: choice("target") };
  } catch {
    return DEFAULTS;
  }
}
