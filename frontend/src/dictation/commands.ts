/** Spoken commands and their phrases. */

/** The text that an action types. */
const ACTION_TEXT = {
  new_line: "\n",
  new_paragraph: "\n\n",
  full_stop: ".",
  comma: ",",
  question_mark: "?",
  exclamation_mark: "!",
  colon: ":",
  semicolon: ";",
} as const;

const FULL_WIDTH_TEXT: Readonly<Record<string, string>> = {
  full_stop: "。",
  comma: "，",
  question_mark: "？",
  exclamation_mark: "！",
  colon: "：",
  semicolon: "；",
};

/** `scratch` discards text that is not typed yet; `stop` ends dictation. */
export const COMMAND_ACTIONS = [...(Object.keys(ACTION_TEXT) as TextAction[]), "scratch", "stop"] as const;

type TextAction = keyof typeof ACTION_TEXT;
export type CommandAction = TextAction | "scratch" | "stop";

/** The phrases for each action. */
export type CommandPhrases = Readonly<Partial<Record<CommandAction, readonly string[]>>>;

/** By language code without a region. A language without an entry has no commands. */
export type Commands = Readonly<Record<string, CommandPhrases>>;

export const DEFAULT_COMMANDS: Commands = {
  en: {
    new_line: ["new line"],
    new_paragraph: ["new paragraph"],
    full_stop: ["full stop", "period"],
    comma: ["comma"],
    question_mark: ["question mark"],
    exclamation_mark: ["exclamation mark", "exclamation point"],
    colon: ["colon"],
    semicolon: ["semicolon"],
    scratch: ["scratch that"],
    stop: ["stop typing"],
  },
  es: {
    new_line: ["nueva línea"],
    new_paragraph: ["nuevo párrafo", "punto y aparte"],
    full_stop: ["punto", "punto y seguido"],
    comma: ["coma"],
    question_mark: ["signo de interrogación"],
    exclamation_mark: ["signo de exclamación"],
    colon: ["dos puntos"],
    semicolon: ["punto y coma"],
    scratch: ["borra eso"],
    stop: ["deja de escribir"],
  },
  zh: {
    new_line: ["换行", "換行"],
    new_paragraph: ["新段落", "另起一段"],
    full_stop: ["句号", "句號"],
    comma: ["逗号", "逗號"],
    question_mark: ["问号", "問號"],
    exclamation_mark: ["感叹号", "感嘆號"],
    colon: ["冒号", "冒號"],
    semicolon: ["分号", "分號"],
    scratch: ["删掉这句", "刪掉這句"],
    stop: ["停止输入", "停止輸入"],
  },
  de: {
    new_line: ["neue Zeile"],
    new_paragraph: ["neuer Absatz"],
    full_stop: ["Punkt"],
    comma: ["Komma"],
    question_mark: ["Fragezeichen"],
    exclamation_mark: ["Ausrufezeichen"],
    colon: ["Doppelpunkt"],
    semicolon: ["Semikolon", "Strichpunkt"],
    scratch: ["streich das"],
    stop: ["nicht mehr tippen"],
  },
  fr: {
    new_line: ["nouvelle ligne", "à la ligne"],
    new_paragraph: ["nouveau paragraphe"],
    full_stop: ["point"],
    comma: ["virgule"],
    question_mark: ["point d'interrogation"],
    exclamation_mark: ["point d'exclamation"],
    colon: ["deux points"],
    semicolon: ["point virgule"],
    scratch: ["efface ça"],
    stop: ["arrête d'écrire"],
  },
};

/** Returns the text that an action types, or null. */
export function textFor(action: CommandAction, language: string): string | null {
  if (action === "scratch" || action === "stop") return null;
  const isWide = language.startsWith("zh") || language.startsWith("ja");
  return (isWide ? FULL_WIDTH_TEXT[action] : undefined) ?? ACTION_TEXT[action];
}

/** @param language A language code, with or without a region. */
export const phrasesFor = (commands: Commands, language: string): CommandPhrases =>
  commands[language] ?? commands[language.split("-")[0] ?? ""] ?? {};

/** Parses phrases separated by commas, such as "new line, next line". */
export const parsePhrases = (text: string): string[] =>
  text
    .split(",")
    .map((phrase) => phrase.trim())
    .filter((phrase) => phrase !== "");
export const formatPhrases = (phrases: readonly string[] = []): string => phrases.join(", ");
