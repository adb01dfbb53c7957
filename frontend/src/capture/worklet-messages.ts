/** From the worklet: a frame of 30 ms, or "ended" after the last one. `loudness` is 0 to 1. */
export type FromWorklet = { readonly pcm: Int16Array<ArrayBuffer>; readonly loudness: number } | "ended";

/** To the worklet: send what is left, and stop. */
export type ToWorklet = "end";

export const PROCESSOR_NAME = "nova-capture";
