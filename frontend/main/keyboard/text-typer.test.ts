import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { wordsFor } from "../i18n/texts";
import { choose, displayOf } from "./injection-method";
import { Irreplaceable } from "./clipboard-paste";
import { typable, Untypable, type Keyboard } from "./keyboard";
import { pieces } from "./platforms/macos";
import { inputsFor } from "./platforms/send-input";
import { Refused, Typist, type Hands } from "./text-typer";

const words = wordsFor("en");

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A keyboard that needs some time for each letter, and a page that keeps them. */
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

const hands = (...keyboards: Keyboard[]): Hands => ({
  keyboards: () => Promise.resolve(keyboards),
  paste: () => Promise.reject(new Error("not asked for")),
});

describe("a typist", () => {
  test("types texts whole and in the order in which they are asked for, whatever each takes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: "grapheme" })), fc.array(fc.nat(9), { minLength: 1 }), async (texts, delays) => {
        const page: string[] = [];
        const typist = new Typist(hands(slow(page, delays)), words);
        const all = Promise.all(texts.map((text) => typist.type(text)));
        await vi.runAllTimersAsync();
        expect((await all).every((typed) => typed.ok)).toBe(true);
        expect(page.join("")).toBe(texts.map(typable).join(""));
      }),
    );
  });

  test("goes on with the next text when one could not be typed", async () => {
    const page: string[] = [];
    const works = slow(page);
    let isFirst = true;
    const once: Keyboard = {
      ...works,
      type: (text) => {
        if (!isFirst) return works.type?.(text) ?? Promise.resolve();
        isFirst = false;
        return Promise.reject(new Refused());
      },
    };
    const typist = new Typist(hands(once), words);
    const all = Promise.all([typist.type("one"), typist.type("two")]);
    await vi.runAllTimersAsync();
    expect(await all).toEqual([
      { ok: false, problem: words.refused },
      { ok: true, by: "direct" },
    ]);
    expect(page.join("")).toBe("two");
  });

  test("leaves to the next keyboard what one cannot, and pastes where none has letters", async () => {
    const pasted: string[] = [];
    const cannot: Keyboard = {
      type: () => Promise.reject(new Untypable()),
      pressPaste: () => Promise.resolve(),
      close: () => undefined,
    };
    const paste = (text: string, keyboard: Keyboard) => {
      if (keyboard === cannot) return Promise.reject(new Untypable());
      pasted.push(text);
      return Promise.resolve();
    };
    const keysOnly: Keyboard = { pressPaste: () => Promise.resolve(), close: () => undefined };
    const typist = new Typist({ ...hands(cannot, keysOnly), paste }, words);
    expect(await typist.type("hola")).toEqual({ ok: true, by: "paste" });
    expect(pasted).toEqual(["hola"]);
  });

  test("says why where the clipboard could not be put back, and where there is no keyboard", async () => {
    const keysOnly: Keyboard = { pressPaste: () => Promise.resolve(), close: () => undefined };
    const full = { ...hands(keysOnly), paste: () => Promise.reject(new Irreplaceable()) };
    expect(await new Typist(full, words).type("a")).toEqual({ ok: false, problem: words.clipboardHolds });
    expect(await new Typist(hands(), words).type("a")).toEqual({ ok: false, problem: words.notTyped });
  });

  test("waits while Ctrl and the like are held, and gives up after a minute", async () => {
    const page: string[] = [];
    let isDown = true;
    const typist = new Typist(hands({ ...slow(page), modifiersDown: () => Promise.resolve(isDown) }), words);
    const first = typist.type("a");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(page).toEqual([]);
    isDown = false;
    await vi.advanceTimersByTimeAsync(100);
    expect(await first).toEqual({ ok: true, by: "direct" });
    isDown = true;
    const second = typist.type("b");
    await vi.advanceTimersByTimeAsync(61_000);
    expect(await second).toEqual({ ok: false, problem: words.keysHeld });
    expect(page).toEqual(["a"]);
  });

  test("lets no more than two hundred texts wait", async () => {
    const typist = new Typist(hands(slow([])), words);
    const all = Promise.all(Array.from({ length: 201 }, () => typist.type("a")));
    await vi.runAllTimersAsync();
    expect((await all).map((typed) => typed.ok)).toEqual([...Array<boolean>(200).fill(true), false]);
    const later = typist.type("a");
    await vi.runAllTimersAsync();
    expect((await later).ok).toBe(true);
  });
});

describe("what may be typed", () => {
  test("is never a control character but a new line and a tab", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
         
        expect(typable(text)).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
      }),
    );
    expect(typable("a\u001b[2J\r\nb\tc")).toBe("a[2J\nb\tc");
  });

  test("goes to macOS in pieces that lose nothing and cut no character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const all = pieces(text);
        expect(all.join("")).toBe(text);
        expect(all.every((piece) => piece.length <= 20 && !/[\ud800-\udbff]$/.test(piece))).toBe(true);
      }),
    );
  });

  test("goes to Windows as each UTF-16 unit down and up, and as keys for a new line and a tab", () => {
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

describe("the way of typing", () => {
  const facts = { platform: "linux", display: "x11", commands: new Set<string>(), isTrusted: true } as const;

  test("is direct on Windows, macOS and X11", () => {
    expect(choose(facts)).toEqual({ ways: ["x11"], typing: "direct", problem: null });
    expect(choose({ ...facts, platform: "win32" }).ways).toEqual(["windows"]);
    expect(choose({ ...facts, platform: "darwin" }).ways).toEqual(["macos"]);
  });

  test("needs the person's leave on macOS", () => {
    expect(choose({ ...facts, platform: "darwin", isTrusted: false })).toEqual({
      ways: [],
      typing: "none",
      problem: "noAccessibility",
    });
  });

  test("depends under Wayland on what is installed, and is never XWayland's", () => {
    const wayland = { ...facts, display: displayOf({ WAYLAND_DISPLAY: "wayland-0", DISPLAY: ":0" }) };
    expect(choose(wayland)).toEqual({ ways: [], typing: "none", problem: "noWaylandTyping" });
    expect(choose({ ...wayland, commands: new Set(["ydotool"]) })).toEqual({ ways: ["ydotool"], typing: "paste", problem: null });
    const both = choose({ ...wayland, commands: new Set(["ydotool", "wtype"]) });
    expect(both).toEqual({ ways: ["wtype", "ydotool"], typing: "direct", problem: null });
  });

  test("is none without a screen", () => {
    expect(choose({ ...facts, display: displayOf({}) }).problem).toBe("noTyping");
  });
});
