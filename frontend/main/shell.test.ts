import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import koffi from "koffi";
import { describe, expect, test, vi } from "vitest";
import type { ShellSettings } from "../src/desktop/bridge";
import { streamAddress } from "../client/src/address";
import { bubbleIn, dragged, overlayIn, seen } from "./windows/bounds";
import { isDrag, isKey, isLittle, isSettings, isText } from "./ipc/validation";
import { wishOf } from "./system/command-line";
import { released } from "./shortcuts/hold-to-talk";
import { desktopEntry } from "./system/desktop-entry";
import { originFor } from "./pages/request-origin";
import { pathIn } from "./pages/app-paths";
import { Settings } from "./storage/settings-file";
import { inputLayout } from "./keyboard/platforms/send-input";
import { wordsFor } from "./i18n/texts";

const settings: ShellSettings = {
  place: { kind: "address", url: "https://voice.example" },
  holdShortcut: "F9",
  toggleShortcut: "",
  subtitlesShortcut: "",
  opensAtLogin: false,
  overlay: { isLocked: true, at: null },
  servesCaptions: false,
  settings: "{}",
};

describe("what a window sends", () => {
  test("is taken as it is where it is right, and nothing with it that was not asked for", () => {
    expect(isSettings({ ...settings, more: 1 })).toEqual(settings);
    const at = { x: -5, y: 0.5, width: 3, height: 4 };
    expect(isSettings({ ...settings, place: { kind: "here" }, overlay: { isLocked: false, at } }).overlay.at).toEqual(at);
  });

  test("is refused where any part of it is of another kind", () => {
    for (const name of Object.keys(settings)) {
      expect(() => isSettings({ ...settings, [name]: 7 })).toThrow(TypeError);
    }
    expect(() => isSettings(null)).toThrow(TypeError);
    expect(() => isSettings({ ...settings, overlay: { isLocked: true, at: { x: NaN, y: 0, width: 1, height: 1 } } })).toThrow();
    for (const wrong of [undefined, 1, {}, "x".repeat(20_001)]) expect(() => isText(wrong)).toThrow(TypeError);
    expect(() => isKey({})).toThrow(TypeError);
    expect(() => isLittle("main")).toThrow(TypeError);
    expect(() => isDrag({ how: "close", dx: 1, dy: 1 })).toThrow(TypeError);
  });
});

describe("a server's address", () => {
  test("may be written in every usual way", () => {
    expect(streamAddress("voice.example")).toBe("ws://voice.example/v1/stream");
    expect(streamAddress(" 10.0.0.7:9000 ")).toBe("ws://10.0.0.7:9000/v1/stream");
    expect(streamAddress("https://voice.example/nova/v1/stream")).toBe("wss://voice.example/nova/v1/stream");
    expect(streamAddress("HTTP://[::1]:8080/")).toBe("ws://[::1]:8080/v1/stream");
  });

  test("is none where it is no address, or holds a password", () => {
    for (const wrong of ["", "not an address", "file:///etc/passwd", "ws://", "http://me:secret@voice.example"]) {
      expect(streamAddress(wrong)).toBeNull();
    }
  });

  test("is what our pages say that they come from", () => {
    expect(originFor("wss://voice.example/v1/stream")).toBe("https://voice.example");
    expect(originFor("ws://127.0.0.1:8080/v1/stream")).toBe("http://127.0.0.1:8080");
  });
});

describe("files", () => {
  test("are served from their folder and from nowhere else", () => {
    expect(pathIn("/app/dist", "/index.html")).toBe("/app/dist/index.html");
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("/", ".", "..", "%2e", "%2f", "a", "\\", "%00") }), (path) => {
        const found = pathIn("/app/dist", `/${path}`);
        expect(found === null || (found.startsWith("/app/dist/") && !found.includes("/../"))).toBe(true);
      }),
    );
  });

  test("of settings are the last ones kept, and one that is broken counts as none", async () => {
    const path = join(await mkdtemp(join(tmpdir(), "nova-")), "settings.json");
    const one = new Settings(path);
    await Promise.all(["a", "b", "c"].map((text) => one.keep({ ...settings, settings: text })));
    const other = new Settings(path);
    await other.read();
    expect(other.now?.settings).toBe("c");
    expect(JSON.parse(await readFile(path, "utf8"))).toEqual({ ...settings, settings: "c" });
    await writeFile(path, '{"place":');
    await other.read();
    expect(other.now).toBeNull();
  });

  test("that start a program with the computer quote what a shell would read otherwise", () => {
    expect(desktopEntry(["/opt/My Apps/100%/nova", "--hidden"])).toContain('Exec="/opt/My Apps/100%%/nova" "--hidden"\n');
    expect(desktopEntry(['a"b$c'])).toContain('Exec="a\\\\"b\\\\$c"\n');
  });
});

describe("little windows", () => {
  const area = { x: 100, y: 30, width: 1200, height: 800 };

  test("stand within the screen", () => {
    fc.assert(
      fc.property(fc.integer({ min: 300, max: 5_000 }), fc.integer({ min: 300, max: 5_000 }), (width, height) => {
        for (const place of [bubbleIn({ ...area, width, height }), overlayIn({ ...area, width, height })]) {
          expect(place.x).toBeGreaterThanOrEqual(area.x);
          expect(place.y).toBeGreaterThanOrEqual(area.y);
          expect(place.x + place.width).toBeLessThanOrEqual(area.x + width);
          expect(place.y + place.height).toBeLessThanOrEqual(area.y + height);
        }
      }),
    );
  });

  test("that stood on a screen which has gone are not left there", () => {
    expect(seen({ x: 200, y: 50, width: 300, height: 100 }, [area])).toBe(true);
    expect(seen({ x: 2_000, y: 50, width: 300, height: 100 }, [area])).toBe(false);
    expect(seen({ x: 1_290, y: 50, width: 300, height: 100 }, [area])).toBe(false);
  });

  test("move by their middle, and grow by their edge but never to nothing", () => {
    const place = { x: 1, y: 2, width: 300, height: 100 };
    expect(dragged(place, { how: "move", dx: 10.4, dy: -5 })).toEqual({ x: 11, y: -3, width: 300, height: 100 });
    expect(dragged(place, { how: "size", dx: 10, dy: -5_000 })).toEqual({ x: 1, y: 2, width: 310, height: 80 });
  });
});

describe("a held shortcut", () => {
  test("ends when one of its keys is up, whatever else is pressed meanwhile", async () => {
    vi.useFakeTimers();
    const moments = [[37, 64, 40], [37, 64, 40], [37, 64, 40, 50], [37, 40, 50]];
    let looked = 0;
    const end = released(() => Promise.resolve(moments[looked++] ?? []));
    await vi.runAllTimersAsync();
    await end;
    expect(looked).toBe(4);
    vi.useRealTimers();
  });

  test("that was tapped is over at once", async () => {
    await expect(released(() => Promise.resolve([]))).resolves.toBeUndefined();
  });
});

test("a second start says what the first is to do", () => {
  expect(wishOf(["/usr/bin/nova-voice", "--toggle"])).toBe("toggle");
  expect(wishOf(["/usr/bin/nova-voice", "--subtitles", "--lang=es"])).toBe("subtitles");
  expect(wishOf(["/usr/bin/nova-voice", "--hold", "toggle"])).toBeNull();
});

test("the shell speaks the computer's language where it knows it, else English", () => {
  expect(wordsFor("es-MX").quit).toBe("Salir");
  expect(wordsFor("zh_CN").quit).toBe("退出");
  expect(wordsFor("de").quit).toBe("Quit");
});

test("the layout of what Windows is given is that of its headers", () => {
  expect(koffi.sizeof(inputLayout(koffi))).toBe(40);
});
