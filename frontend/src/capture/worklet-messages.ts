/** What the worklet tells the page: 30 ms of sound, or that the last has been sent. */
export type FromWorklet = { readonly pcm: Int16Array<ArrayBuffer>; readonly loudness: number } | "ended";

/** All that the page ever tells the worklet: send what is left, and stop. */
export type ToWorklet = "end";

export const PROCESSOR = "nova-capture";
