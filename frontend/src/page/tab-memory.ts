/** Remembers the session of this tab across a reload. A new tab has none; a duplicated tab has the same one. */
const ENTRY = "nova.session";

export const tabMemory = {
  get: (): number => {
    try {
      return Number(sessionStorage.getItem(ENTRY) ?? 0);
    } catch {
      return 0; // The browser stores nothing.
    }
  },
  set: (at: number): void => {
    try {
      sessionStorage.setItem(ENTRY, String(at));
    } catch {
      // The session can be opened from the list instead.
    }
  },
};
