import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { textsFor } from "../i18n/texts";
import { chooseMethod, displayOf } from "./injection-method";
import { ClipboardNotRestorable } from "./clipboard-paste";
import { sanitizeText, CannotType, type Keyboard } from "./keyboard";
import { pieces } from "./platforms/macos";
import { inputsFor } from "./platforms/send-input";
import { TypingRefused, TextTyper, type KeyboardProvider } from "./text-typer";

const texts = textsFor("en");

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A keyboard that needs some time for each letter, and appends them to `page`. */
function slow(page: string[], delays: readonly number[] = [3]): Keyboard {
  let place = 0;
  return {
    async type(text) {
      for (const letter of text) {
        await new Promise((resolve) => setTimeout(resolve, delays[place++ % delays.length]));
        page.push(letter);
      }
    },
    pressPaste: () => Promise.resolve(),
    close: () => undefined,
  };
}

const provider = (...keyboards: Keyboard[]): KeyboardProvider => ({
  keyboards: () => Promise.resolve(keyboards),
  paste: () => Promise.reject(new Error("not expected")),
});

describe("the text typer", () => {
  test("types texts completely and in order, however long each takes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: "grapheme" })),
        fc.array(fc.nat(9), { minLength: 1 }),
        async (inputs, delays) => {
          const page: string[] = [];
          const typer = new TextTyper(provider(slow(page, delays)), texts);
          const all = Promise.all(inputs.map((text) => typer.type(text)));
          await vi.runAllTimersAsync();
          expect((await all).every((typed) => typed.ok)).toBe(true);
          expect(page.join("")).toBe(inputs.map(sanitizeText).join(""));
        },
      ),
    );
  });

  test("continues with the next text after a failure", async () => {
    const page: string[] = [];
    const works = slow(page);
    let isFirst = true;
    const once: Keyboard = {
      ...works,
      type: (text) => {
        if (!isFirst) return works.type?.(text) ?? Promise.resolve();
        isFirst = false;
        return Promise.reject(new TypingRefused());
      },
    };
    const typer = new TextTyper(provider(once), texts);
    const all = Promise.all([typer.type("one"), typer.type("two")]);
    await vi.runAllTimersAsync();
    expect(await all).toEqual([
      { ok: false, problem: texts.refused },
      { ok: true, by: "direct" },
    ]);
    expect(page.join("")).toBe("two");
  });

  test("tries the next keyboard if one cannot type, and pastes if a keyboard has no letters", async () => {
    const pasted: string[] = [];
    const cannot: Keyboard = {
      type: () => Promise.reject(new CannotType()),
      pressPaste: () => Promise.resolve(),
      close: () => undefined,
    };
    const paste = (text: string, keyboard: Keyboard) => {
      if (keyboard === cannot) return Promise.reject(new CannotType());
      pasted.push(text);
      return Promise.resolve();
    };
    const keysOnly: Keyboard = { pressPaste: () => Promise.resolve(), close: () => undefined };
    const typer = new TextTyper({ ...provider(cannot, keysOnly), paste }, texts);
    expect(await typer.type("hola")).toEqual({ ok: true, by: "paste" });
    expect(pasted).toEqual(["hola"]);
  });

  test("reports that the clipboard could not be restored, and that there is no keyboard", async () => {
    const keysOnly: Keyboard = { pressPaste: () => Promise.resolve(), close: () => undefined };
    const full = { ...provider(keysOnly), paste: () => Promise.reject(new ClipboardNotRestorable()) };
    expect(await new TextTyper(full, texts).type("a")).toEqual({ ok: false, problem: texts.clipboardHolds });
    expect(await new TextTyper(provider(), texts).type("a")).toEqual({ ok: false, problem: texts.notTyped });
  });

  test("waits while modifier keys are held, and gives up after a minute", async () => {
    const page: string[] = [];
    let isDown = true;
    const typer = new TextTyper(provider({ ...slow(page), modifiersDown: () => Promise.resolve(isDown) }), texts);
    const first = typer.type("a");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(page).toEqual([]);
    isDown = false;
    await vi.advanceTimersByTimeAsync(100);
    expect(await first).toEqual({ ok: true, by: "direct" });
    isDown = true;
    const second = typer.type("b");
    await vi.advanceTimersByTimeAsync(61_000);
    expect(await second).toEqual({ ok: false, problem: texts.keysHeld });
    expect(page).toEqual(["a"]);
  });

  test("rejects more than two hundred waiting texts", async () => {
    const typer = new TextTyper(provider(slow([])), texts);
    const all = Promise.all(Array.from({ length: 201 }, () => typer.type("a")));
    await vi.runAllTimersAsync();
    expect((await all).map((typed) => typed.ok)).toEqual([...Array<boolean>(200).fill(true), false]);
    const later = typer.type("a");
    await vi.runAllTimersAsync();
    expect((await later).ok).toBe(true);
  });
});

describe("typed text", () => {
  test("contains no control characters except new lines and tabs", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(sanitizeText(text)).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
      }),
    );
    expect(sanitizeText("a\u001b[2J\r\nb\tc")).toBe("a[2J\nb\tc");
  });

  test("is split for macOS without losing or splitting characters", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const all = pieces(text);
        expect(all.join("")).toBe(text);
        expect(all.every((piece) => piece.length <= 20 && !/[\ud800-\udbff]$/.test(piece))).toBe(true);
      }),
    );
  });

  test("becomes UTF-16 units for Windows, and keys for new lines and tabs", () => {
    const keys = inputsFor("é😀\n").map(({ u }) => [u.ki.wVk, u.ki.wScan, u.ki.dwFlags]);
    expect(keys).toEqual([
      [0, 0xe9, 4],
      [0, 0xe9, 6],
      [0, 0xd83d, 4],
      [0, 0xd83d, 6],
      [0, 0xde00, 4],
      [0, 0xde00, 6],
      [0x0d, 0, 0],
      [0x0d, 0, 2],
    ]);
  });
});

describe("the injection method", () => {
  const facts = { platform: "linux", display: "x11", commands: new Set<string>(), isTrusted: true } as const;

  test("is direct on Windows, macOS and X11", () => {
    expect(chooseMethod(facts)).toEqual({ keyboards: ["x11"], typing: "direct", problem: null });
    expect(chooseMethod({ ...facts, platform: "win32" }).keyboards).toEqual(["windows"]);
    expect(chooseMethod({ ...facts, platform: "darwin" }).keyboards).toEqual(["macos"]);
  });

  test("needs a permission on macOS", () => {
    expect(chooseMethod({ ...facts, platform: "darwin", isTrusted: false })).toEqual({
      keyboards: [],
      typing: "none",
      problem: "noAccessibility",
    });
  });

  test("depends on the installed commands under Wayland, and never uses XWayland", () => {
    const wayland = { ...facts, display: displayOf({ WAYLAND_DISPLAY: "wayland-0", DISPLAY: ":0" }) };
    expect(chooseMethod(wayland)).toEqual({ keyboards: [], typing: "none", problem: "noWaylandTyping" });
    expect(chooseMethod({ ...wayland, commands: new Set(["ydotool"]) })).toEqual({
      keyboards: ["ydotool"],
      typing: "paste",
      problem: null,
    });
    const both = chooseMethod({ ...wayland, commands: new Set(["ydotool", "wtype"]) });
    expect(both).toEqual({ keyboards: ["wtype", "ydotool"], typing: "direct", problem: null });
  });

  test("does not exist without a display", () => {
    expect(chooseMethod({ ...facts, display: displayOf({}) }).problem).toBe("noTyping");
  });
});
