/** How one text goes on behind another: the space between them, and the first letter. */

/** Scripts that are written without spaces between words, for a character class. */
export const UNSPACED =
  "\\p{sc=Han}\\p{sc=Hira}\\p{sc=Kana}\\p{sc=Thai}\\p{sc=Lao}\\p{sc=Khmr}\\p{sc=Mymr}\\p{sc=Tibt}";

const WITHOUT_SPACE = new RegExp(`[${UNSPACED}\\u3000-\\u303f\\uff00-\\uff60]`, "u");

const SPACE_OR_OPENING = /(?:^|[\s([{¿¡«“‘「『（])$/u;
const CLOSING = /^[,.;:!?…)\]}»”’%、。，！？；：」』）]/u;
const SENTENCE_OVER = /(?:[.!?…。！？][\p{Pe}\p{Pf}"']*[ \t]*|\n\s*)$/u;
const FIRST_LETTER = /^([^\p{L}\p{N}]*)(\p{L})/u;

/**
 * Words that are no names and begin no sentence when the last one is not over: a recognizer writes every utterance as if
 * it were a sentence.
 */
const GOING_ON: Readonly<Record<string, string>> = {
  en: "a an and are as at because but by for from has have he her his if in into is it its like not of on or our she since so than that the their then there these they this those though to unless until was we were when where which while who whose will with would you your",
  es: "a al aunque como con cuando de del desde donde e el ella ellos en entonces es esta este la las lo los más ni no o para pero por porque pues que se según si sin sobre su sus también u un una y ya",
  fr: "à au aux avec car ce ces cette comme dans de depuis des dont du elle en est et il ils la le les leur lorsque mais ne ni nous on ou où par parce pas pour puis quand que qui sa sans se ses si son sur un une vous y",
};

const goingOn = new Map(Object.entries(GOING_ON).map(([language, words]) => [language, new Set(words.split(" "))]));

/**
 * `text` as it is to be written behind `before`, with the space that it needs there. A sentence begins with a capital;
 * one that is not over goes on in small letters where the first word cannot be a name.
 */
export function joined(before: string, text: string, language: string): string {
  const words = text.trimStart();
  return words === "" ? "" : gap(before, words) + cased(before, words, language);
}

function gap(before: string, text: string): string {
  if (SPACE_OR_OPENING.test(before) || CLOSING.test(text)) return "";
  const [first = ""] = text;
  return WITHOUT_SPACE.test(before.slice(-1)) || WITHOUT_SPACE.test(first) ? "" : " ";
}

function cased(before: string, text: string, language: string): string {
  if (before === "") return text; // who knows what stands there
  if (SENTENCE_OVER.test(before))
    return text.replace(FIRST_LETTER, (_, lead: string, letter: string) => lead + upper(letter, language));
  const [first = ""] = text.split(/[\s,.;:!?…]/u, 1);
  const small = first.toLowerCase();
  const isOrdinary = goingOn.get(language.split("-")[0] ?? "")?.has(small) ?? false;
  return isOrdinary ? small + text.slice(first.length) : text;
}

/** In Turkish, i becomes İ. A letter that would become two stays. */
function upper(letter: string, language: string): string {
  const capital = /^[a-z]{2,3}\b/.test(language) ? letter.toLocaleUpperCase(language) : letter.toUpperCase();
  return Array.from(capital).length === 1 ? capital : letter;
}
