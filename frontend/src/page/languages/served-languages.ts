/** What the running models know, as `GET /v1/languages` lists it. */

export interface TranslationPairs {
  readonly from: readonly string[];
  readonly to: readonly string[];
}

/** null: unknown, as with a server of another host or of an earlier release. Then everything is offered. */
export interface ServedLanguages {
  readonly speech: ReadonlySet<string> | null;
  readonly pairs: readonly TranslationPairs[] | null;
  /** Whether the server distinguishes speakers. */
  readonly speakers: boolean | null;
  /** Whether it can leave out the text of all speakers except one. */
  readonly onlySpeaker: boolean | null;
}

export const unknownLanguages: ServedLanguages = {
  speech: null,
  pairs: null,
  speakers: null,
  onlySpeaker: null,
};

/** Parses the response. Fields that are missing or have another form are unknown. */
export function parseServedLanguages(body: unknown): ServedLanguages {
  if (!isRecord(body)) return unknownLanguages;
  const { speech, pairs, speakers, only_speaker: onlySpeaker } = body;
  return {
    speech: isRecord(speech) ? new Set(Object.keys(speech)) : null,
    pairs: Array.isArray(pairs) ? pairs.filter(isPairs) : null,
    speakers: typeof speakers === "boolean" ? speakers : null,
    onlySpeaker: typeof onlySpeaker === "boolean" ? onlySpeaker : null,
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isCodes = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((code) => typeof code === "string");

const isPairs = (value: unknown): value is TranslationPairs =>
  isRecord(value) && isCodes(value.from) && isCodes(value.to);

// All models write Chinese and Serbian in both scripts, because the text is converted.
const baseCode = (code: string) => code.toLowerCase().replace(/-hans$|^(sr)-latn$/, "$1");

/** Whether the server recognizes a language, in any of its scripts. */
export function isSpokenServed({ speech }: ServedLanguages, code: string): boolean {
  return speech === null || speech.has(code.toLowerCase().split("-")[0] ?? code);
}

/** Whether the server translates into a language: from `spoken`, or from any language if it is detected. */
export function isTargetServed({ pairs }: ServedLanguages, spoken: string, target: string): boolean {
  if (pairs === null) return true;
  const source = spoken.toLowerCase().split("-")[0] ?? spoken;
  return pairs.some(({ from, to }) => (spoken === "auto" || from.includes(source)) && to.includes(baseCode(target)));
}
