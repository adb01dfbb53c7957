/** Reads audio files as samples of a voice. */
import { SAMPLE_RATE, toPcm16 } from "../../../client/src/audio/resampler";
import type { Pcm } from "./samples";

// Decoded audio stays in memory, and the server reads at most this many samples of speech from it.
const MAX_BYTES = 50_000_000;
const MAX_SECONDS = 120;

/** The mean of all channels at 16 kHz, at most two minutes. null if the browser cannot read the file. */
export async function readSample(file: File): Promise<Pcm | null> {
  if (file.size > MAX_BYTES) return null;
  const context = new OfflineAudioContext({ numberOfChannels: 1, length: 1, sampleRate: SAMPLE_RATE });
  const decoded = await file
    .arrayBuffer()
    .then((data) => context.decodeAudioData(data))
    .catch(() => null);
  return decoded === null ? null : toPcm16(monoOf(decoded));
}

function monoOf(audio: AudioBuffer): Float32Array<ArrayBuffer> {
  const mono = new Float32Array(Math.min(audio.length, MAX_SECONDS * SAMPLE_RATE));
  for (let channel = 0; channel < audio.numberOfChannels; channel++) {
    const samples = audio.getChannelData(channel);
    for (let at = 0; at < mono.length; at++) mono[at] = (mono[at] ?? 0) + (samples[at] ?? 0) / audio.numberOfChannels;
  }
  return mono;
}
