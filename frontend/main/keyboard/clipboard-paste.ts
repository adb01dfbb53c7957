/** Pastes text, and restores the previous clipboard content afterwards. */
import type { Clipboard, Data, NativeImage } from "electron";
import { delay } from "../system/delay";
import type { ClipboardName, Keyboard } from "./keyboard";

/** The clipboard content could not be restored, so it must not be replaced. */
export class ClipboardNotRestorable extends Error {
  override readonly name = "ClipboardNotRestorable";
}

// How long the focused program may take to read the clipboard.
const PASTE_DELAY_MS = 400;
// Formats that `read` preserves, and names that only describe the content. Other formats belong to a program and would
// be lost.
const RESTORABLE_FORMATS: readonly RegExp[] = [
  /^text\/(plain|html|rtf)\b/,
  /^image\//,
  /^(UTF8_STRING|STRING|TEXT|COMPOUND_TEXT|TARGETS|TIMESTAMP|MULTIPLE|SAVE_TARGETS|LENGTH|DELETE)$/,
  /^chromium\/x-(source-url|internal-source-rfh-token)$/,
];

/**
 * @param boards All clipboards that paste may read; the primary selection comes second.
 * @throws ClipboardNotRestorable before anything is changed.
 */
export async function paste(
  text: string,
  clipboard: Clipboard,
  boards: readonly ClipboardName[],
  keyboard: Keyboard,
): Promise<void> {
  const before: { board: ClipboardName; data: Data }[] = [];
  for (const board of boards) {
    checkRestorable([...clipboard.availableFormats(board), ...((await keyboard.clipboardFormats?.(board)) ?? [])]);
    before.push({ board, data: read(clipboard, board) });
  }
  try {
    for (const board of boards) clipboard.writeText(text, board);
    await keyboard.pressPaste();
    await delay(PASTE_DELAY_MS);
  } finally {
    // Chromium copies what is written to the clipboard into the primary selection as well.
    const changed = before.filter(({ board }) => clipboard.readText(board) === text);
    for (const { board, data } of changed) restore(clipboard, board, data);
  }
}

function checkRestorable(formats: readonly string[]): void {
  if (formats.some((format) => !RESTORABLE_FORMATS.some((known) => known.test(format))))
    throw new ClipboardNotRestorable(formats.join(", "));
}

function read(clipboard: Clipboard, board: ClipboardName): Data {
  const image: NativeImage = clipboard.readImage(board);
  const [text, html, rtf] = [clipboard.readText(board), clipboard.readHTML(board), clipboard.readRTF(board)];
  return {
    ...(text === "" ? {} : { text }),
    ...(html === "" ? {} : { html }),
    ...(rtf === "" ? {} : { rtf }),
    ...(image.isEmpty() ? {} : { image }),
  };
}

function restore(clipboard: Clipboard, board: ClipboardName, data: Data): void {
  if (Object.keys(data).length === 0) clipboard.clear(board);
  else clipboard.write(data, board);
}
