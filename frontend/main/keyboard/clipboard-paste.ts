/** Pasting, as a guest does: what the clipboard held is there again afterwards. */
import type { Clipboard, Data, NativeImage } from "electron";
import { later } from "../system/delay";
import type { Board, Keyboard } from "./keyboard";

/** What is there now cannot be put back, so it may not be replaced. */
export class Irreplaceable extends Error {
  override readonly name = "Irreplaceable";
}

/** How long a program may take to fetch what it is to paste. */
const FETCHED_MS = 400;
/** What `read` below brings over, and what says something about it; the names differ. Anything else is some program's own. */
const KNOWN: readonly RegExp[] = [
  /^text\/(plain|html|rtf)\b/,
  /^image\//,
  /^(UTF8_STRING|STRING|TEXT|COMPOUND_TEXT|TARGETS|TIMESTAMP|MULTIPLE|SAVE_TARGETS|LENGTH|DELETE)$/,
  /^chromium\/x-(source-url|internal-source-rfh-token)$/,
];

/** Throws Irreplaceable before anything is changed. Where there is a selection, it comes second among the boards. */
export async function paste(text: string, clipboard: Clipboard, boards: readonly Board[], keyboard: Keyboard): Promise<void> {
  const before: { board: Board; data: Data }[] = [];
  for (const board of boards) {
    replaceable([...clipboard.availableFormats(board), ...((await keyboard.offered?.(board)) ?? [])]);
    before.push({ board, data: read(clipboard, board) });
  }
  try {
    for (const board of boards) clipboard.writeText(text, board);
    await keyboard.pressPaste();
    await later(FETCHED_MS);
  } finally {
    // Chromium marks what it copies: whatever is written to the clipboard stands in the selection as well.
    const changed = before.filter(({ board }) => clipboard.readText(board) === text);
    for (const { board, data } of changed) restore(clipboard, board, data);
  }
}

function replaceable(formats: readonly string[]): void {
  if (formats.some((format) => !KNOWN.some((known) => known.test(format)))) throw new Irreplaceable(formats.join(", "));
}

function read(clipboard: Clipboard, board: Board): Data {
  const image: NativeImage = clipboard.readImage(board);
  const [text, html, rtf] = [clipboard.readText(board), clipboard.readHTML(board), clipboard.readRTF(board)];
  return {
    ...(text === "" ? {} : { text }),
    ...(html === "" ? {} : { html }),
    ...(rtf === "" ? {} : { rtf }),
    ...(image.isEmpty() ? {} : { image }),
  };
}

function restore(clipboard: Clipboard, board: Board, data: Data): void {
  if (Object.keys(data).length === 0) clipboard.clear(board);
  else clipboard.write(data, board);
}
