/** Runs in the page: records phase and share of each change of the progress bar. */
export function watchProgress() {
  globalThis.progress = [];
  new MutationObserver(() => {
    const phase = document.querySelector("[data-testid=recording]")?.dataset.phase;
    const value = document.querySelector("[data-testid=recording-progress]")?.getAttribute("value");
    const last = globalThis.progress.at(-1);
    if (phase !== undefined && value != null && (last?.[0] !== phase || last[1] !== Number(value)))
      globalThis.progress.push([phase, Number(value)]);
  }).observe(document.body, { subtree: true, childList: true, attributes: true });
}
