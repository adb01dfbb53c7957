import { useEffect, useState } from "react";
import { useLocale, useTexts } from "../../i18n/texts";
import { readServedLanguages } from "../../page/languages/read-languages";
import { isTargetServed, unknownLanguages } from "../../page/languages/served-languages";
import type { RoomPage } from "../../room/room-page";
import { frequentFirst, languageName, writtenLanguages } from "../../settings/languages";
import { SelectField } from "../settings/fields";
import { useStore } from "../useStore";

const NO_SECOND = "none";
const SIZES = [0, 20, 28, 36, 48, 64, 80, 100];
const LINES = [0, 1, 2, 3, 5, 10];

/** How this reader sees the captions. The options are in the address. */
export function ViewOptionsPanel({ page }: { page: RoomPage }) {
  const texts = useTexts().room.options;
  const { languages, size, lines } = useStore(page.options);
  const [first = "", second] = languages;
  const offered = useOfferedLanguages(languages);
  const choose = (one: string, other: string) =>
    page.change({ languages: other === NO_SECOND || other === one ? [one] : [one, other] });
  return (
    <details className="room-options">
      <summary data-testid="view-options">{texts.title}</summary>
      <div className="settings-rows">
        <SelectField
          label={texts.first}
          name="first-language"
          value={first}
          of={[["", texts.spoken], ...offered]}
          onChange={(code) => choose(code, second ?? NO_SECOND)}
        />
        <SelectField
          label={texts.second}
          name="second-language"
          value={second ?? NO_SECOND}
          of={[[NO_SECOND, texts.none], ["", texts.spoken], ...offered]}
          onChange={(code) => choose(first, code)}
        />
        <SelectField
          label={texts.size}
          name="size"
          value={String(size)}
          of={withChosen(SIZES, size).map((px) => [String(px), px === 0 ? texts.automatic : texts.pixels(px)])}
          onChange={(px) => page.change({ size: Number(px) })}
        />
        <SelectField
          label={texts.lines}
          name="lines"
          value={String(lines)}
          of={withChosen(LINES, lines).map((count) => [String(count), count === 0 ? texts.all : String(count)])}
          onChange={(count) => page.change({ lines: Number(count) })}
        />
        <p className="row-note">{texts.hint}</p>
      </div>
    </details>
  );
}

const withChosen = (usual: readonly number[], chosen: number) =>
  [...new Set([...usual, chosen])].sort((a, b) => a - b);

/** Languages into which the server translates, those of the reader first, and those that were chosen by the address. */
function useOfferedLanguages(chosen: readonly string[]): readonly (readonly [code: string, name: string])[] {
  const locale = useLocale();
  const [served, setServed] = useState(unknownLanguages);
  useEffect(() => void readServedLanguages(new URL("../v1/stream", location.href).href).then(setServed), []);
  const there = writtenLanguages(locale).filter(({ code }) => isTargetServed(served, "auto", code));
  const known = frequentFirst(there, navigator.languages).flat();
  const missing = chosen.filter((code) => code !== "" && !known.some((language) => language.code === code));
  return [...missing.map((code) => ({ code, name: languageName(code, locale) })), ...known].map(({ code, name }) => [
    code,
    name,
  ]);
}
