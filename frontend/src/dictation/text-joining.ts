/** Joins dictated texts: the space between them, and the case of the first letter. */
import { UNSPACED_SCRIPTS } from "../transcript/writing-systems";

const WITHOUT_SPACE = new RegExp(`[${UNSPACED_SCRIPTS}\\u3000-\\u303f\\uff00-\\uff60]`, "u");

const SPACE_OR_OPENING = /(?:^|[\s([{¿¡«“‘「『（])$/u;
const CLOSING = /^[,.;:!?…)\]}»”’%、。，！？；：」』）]/u;
const SENTENCE_END = /(?:[.!?…。！？][\p{Pe}\p{Pf}"']*[ \t]*|\n\s*)$/u;
const FIRST_LETTER = /^([^\p{L}\p{N}]*)(\p{L})/u;

/**
 * Words that are written in lower case when they continue a sentence. A recognizer capitalizes the first word of every
 * utterance, and only these words are certainly not names.
 */
const LOWERCASE_WORDS: Readonly<Record<string, string>> = {
  en: "a an and are as at because but by for from has have he her his if in into is it its like not of on or our she since so than that the their then there these they this those though to unless until was we were when where which while who whose will with would you your",
  es: "a al aunque como con cuando de del desde donde e el ella ellos en entonces es esta este la las lo los más ni no o para pero por porque pues que se según si sin sobre su sus también u un una y ya",
  fr: "à au aux avec car ce ces cette comme dans de depuis des dont du elle en est et il ils la le les leur lorsque mais ne ni nous on ou où par parce pas pour puis quand que qui sa sans se ses si son sur un une vous y",
};

const lowercaseWords = new Map(
  Object.entries(LOWERCASE_WORDS).map(([language, words]) => [language, new Set(words.split(" "))]),
);

/**
 * Returns `text` as it must be typed after `before`: with a space where one is needed, a capital letter at the start of
 * a sentence, and a lower-case letter in the middle of one unless the first word may be a name.
 */
export function joinText(before: string, text: string, language: string): string {
  const words = text.trimStart();
  return words === "" ? "" : separator(before, words) + withCase(before, words, language);
}

function separator(before: string, text: string): string {
  if (SPACE_OR_OPENING.test(before) || CLOSING.test(text)) return "";
  const [first = ""] = text;
  return WITHOUT_SPACE.test(before.slice(-1)) || WITHOUT_SPACE.test(first) ? "" : " ";
}

function withCase(before: string, text: string, language: string): string {
  // Nothing is known about the text before the cursor.
  if (before === "") return text;
  if (SENTENCE_END.test(before))
    return text.replace(FIRST_LETTER, (_, lead: string, letter: string) => lead + upper(letter, language));
  const [first = ""] = text.split(/[\s,.;:!?…]/u, 1);
  const small = first.toLowerCase();
  const isOrdinary = lowercaseWords.get(language.split("-")[0] ?? "")?.has(small) ?? false;
  return isOrdinary ? small + text.slice(first.length) : text;
}

/** Uses the rules of the language (Turkish i becomes İ). A letter that would become two, such as ß, stays. */
function upper(letter: string, language: string): string {
  const capital = /^[a-z]{2,3}\b/.test(language) ? letter.toLocaleUpperCase(language) : letter.toUpperCase();
  return Array.from(capital).length === 1 ? capital : letter;
}
