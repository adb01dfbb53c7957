/**
 * How busy the server is, without flicker: a busy server may slow down and recover several times a minute, and each
 * notice would distract from the text.
 */
import { createStore, type Store } from "../session/store";
import { isAboutLoad, type StatusNotices } from "../session/notices";

export interface BusyState {
  /** Code of the notice that is shown, or null. */
  readonly shown: string | null;
  /** Code of the server's last notice that still applies, or null. */
  readonly wanted: string | null;
  /** When `wanted` changed. */
  readonly sinceMs: number;
}

export const notBusy: BusyState = { shown: null, wanted: null, sinceMs: 0 };

const SHOW_AFTER_MS = 1_500;
const HIDE_AFTER_MS = 4_000;

/** Time at which `shown` becomes `wanted`, or null if it is. */
export function changeAtMs({ shown, wanted, sinceMs }: BusyState): number | null {
  if (shown === wanted) return null;
  return sinceMs + (wanted === null ? HIDE_AFTER_MS : SHOW_AFTER_MS);
}

export function updateBusy(state: BusyState, wanted: string | null, nowMs: number): BusyState {
  const next = wanted === state.wanted ? state : { ...state, wanted, sinceMs: nowMs };
  const at = changeAtMs(next);
  return at !== null && nowMs >= at ? { ...next, shown: wanted } : next;
}

/** Follows the notices of a session. */
export function createBusyStatus(notices: Store<StatusNotices>): Store<string | null> {
  const shown = createStore<string | null>(null);
  let state = notBusy;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const update = () => {
    clearTimeout(timer);
    state = updateBusy(state, notices.get().findLast(isAboutLoad)?.code ?? null, performance.now());
    shown.set(state.shown);
    const at = changeAtMs(state);
    if (at !== null) timer = setTimeout(update, Math.max(0, at - performance.now()) + 1);
  };
  notices.subscribe(update);
  return shown;
}
