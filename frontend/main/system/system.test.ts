import { expect, test } from "vitest";
import { actionFrom } from "./command-line";
import { desktopEntry } from "./desktop-entry";

test("a desktop entry quotes special characters of its command", () => {
  expect(desktopEntry(["/opt/My Apps/100%/nova", "--hidden"])).toContain('Exec="/opt/My Apps/100%%/nova" "--hidden"\n');
  expect(desktopEntry(['a"b$c'])).toContain('Exec="a\\\\"b\\\\$c"\n');
});

test("options of a second start become actions of the first", () => {
  expect(actionFrom(["/usr/bin/nova-voice", "--toggle"])).toBe("toggle");
  expect(actionFrom(["/usr/bin/nova-voice", "--subtitles", "--lang=es"])).toBe("subtitles");
  expect(actionFrom(["/usr/bin/nova-voice", "--hold", "toggle"])).toBeNull();
});
