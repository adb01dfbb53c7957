/** The samples of an enrolment, as one recording, and how the server judges them. Pure. */
import { SAMPLE_RATE } from "../../../client/src/audio/resampler";
import type { EnrolmentSample } from "../../../client/src/protocol/messages";

export type Pcm = Int16Array<ArrayBuffer>;

/** Why a sample is not used; "" if it is used. As `reason` of `enrolment_sample`. */
export type SampleReason =
  | ""
  | "no_speech"
  | "too_short"
  | "too_quiet"
  | "distorted"
  | "too_noisy"
  | "mixed"
  | "not_measured";

export interface VoiceSample {
  readonly id: number;
  /** 16 kHz, mono. */
  readonly pcm: Pcm;
  /** null: the server has not judged it. */
  readonly reason: SampleReason | null;
}

/** What the server requires. */
export const MIN_SAMPLES = 3;
const MIN_SPEECH_S = 2;
// Longer than the silence that ends an utterance, so that each sample is judged on its own.
const PAUSE_SAMPLES = 1.5 * SAMPLE_RATE;
const HEADER_BYTES = 44;
const REASONS = new Set<string>(["", "no_speech", "too_short", "too_quiet", "distorted", "too_noisy", "mixed", "not_measured"]);

export const secondsOf = ({ pcm }: VoiceSample): number => pcm.length / SAMPLE_RATE;

/** Whether the sample is sent: the server has not refused it. */
export const isUsable = ({ reason }: VoiceSample): boolean => reason === null || reason === "";

/** A sample that is too short to have enough speech is not sent. */
export const newSample = (id: number, pcm: Pcm): VoiceSample => ({
  id,
  pcm,
  reason: pcm.length < MIN_SPEECH_S * SAMPLE_RATE ? "too_short" : null,
});

export const joinFrames = (frames: readonly Pcm[]): Pcm => {
  const joined = new Int16Array(frames.reduce((sum, frame) => sum + frame.length, 0));
  let at = 0;
  for (const frame of frames) {
    joined.set(frame, at);
    at += frame.length;
  }
  return joined;
};

/** All samples as a WAV file, with a pause after each. */
export function joinedWav(samples: readonly VoiceSample[]): Blob {
  const pause = new Int16Array(PAUSE_SAMPLES);
  const pcm = joinFrames(samples.flatMap((sample) => [sample.pcm, pause]));
  return new Blob([wavHeader(pcm.length), pcm], { type: "audio/wav" });
}

/** RIFF WAVE, 16-bit PCM: http://soundfile.sapp.org/doc/WaveFormat/ */
function wavHeader(samples: number): ArrayBuffer {
  const header = new DataView(new ArrayBuffer(HEADER_BYTES));
  const bytes = 2 * samples;
  const text = (at: number, letters: string) =>
    Array.from(letters).forEach((letter, index) => header.setUint8(at + index, letter.charCodeAt(0)));
  text(0, "RIFF");
  header.setUint32(4, HEADER_BYTES - 8 + bytes, true);
  text(8, "WAVEfmt ");
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true);
  header.setUint16(22, 1, true);
  header.setUint32(24, SAMPLE_RATE, true);
  header.setUint32(28, 2 * SAMPLE_RATE, true);
  header.setUint16(32, 2, true);
  header.setUint16(34, 16, true);
  text(36, "data");
  header.setUint32(40, bytes, true);
  return header.buffer;
}

/** Assigns the utterances of the joined recording to its samples. */
export function judgedSamples(
  samples: readonly VoiceSample[],
  utterances: readonly EnrolmentSample[],
): readonly VoiceSample[] {
  let end = 0;
  return samples.map((sample) => {
    const start = end;
    end += sample.pcm.length + PAUSE_SAMPLES;
    const own = utterances.filter((one) => isWithin(middleOf(one), start, end));
    return { ...sample, reason: reasonOf(own) };
  });
}

const middleOf = ({ start_ms, end_ms }: EnrolmentSample) => ((start_ms + end_ms) / 2_000) * SAMPLE_RATE;

const isWithin = (at: number, start: number, end: number) => at >= start && at < end;

/** A sample is good if a part of it is. Otherwise, the longest part says why not. */
function reasonOf(utterances: readonly EnrolmentSample[]): SampleReason {
  const [longest] = [...utterances].sort((a, b) => b.speech_ms - a.speech_ms);
  if (longest === undefined) return "no_speech";
  if (utterances.some(({ accepted }) => accepted)) return "";
  const { reason } = longest;
  return REASONS.has(reason) && reason !== "" ? (reason as SampleReason) : "not_measured";
}
