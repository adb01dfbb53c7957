import { useState } from "react";
import type { Page } from "../../page/page";
import type { TranslationPairs } from "../../page/languages/served-languages";
import { languageName, spokenLanguages, writtenLanguages } from "../../settings/languages";
import { isSpokenServed, isTargetServed, unknownLanguages } from "../../page/languages/served-languages";
import { useLocale, useTexts } from "../../i18n/texts";
import { useStore } from "../useStore";
import { Dialog } from "./Dialog";

const COMMAND = "nova models pull nllb-200-distilled-600M";
// More names than these are a number.
const MAX_NAMES = 6;

/** Which translations are installed, and how to install others. */
export function LanguagesDialog({ page }: { page: Page }) {
  const texts = useTexts().page.languages;
  const { pairs } = useStore(page.languages);
  return (
    <Dialog page={page} name="languages" title={texts.title}>
      {pairs === null || pairs.length === 0 ? (
        <p>{texts.none}</p>
      ) : (
        <>
          <p>{texts.installed}</p>
          <ul className="pairs" data-testid="pairs">
            {pairs.map((pair, index) => (
              <PairItem key={index} pair={pair} />
            ))}
          </ul>
        </>
      )}
      <p>{texts.howTo}</p>
      <p className="command">
        <code dir="ltr">{COMMAND}</code>
        <CopyCommand />
      </p>
    </Dialog>
  );
}

function PairItem({ pair }: { pair: TranslationPairs }) {
  const texts = useTexts().page.languages;
  const locale = useLocale();
  const served = { ...unknownLanguages, speech: new Set(pair.from), pairs: [{ from: ["*"], to: pair.to }] };
  const listed = (names: string[]) =>
    new Intl.ListFormat(locale, { style: "short", type: "conjunction" }).format(names);
  const named = (codes: readonly { code: string }[]) =>
    codes.length > MAX_NAMES ? texts.many(codes.length) : listed(codes.map(({ code }) => languageName(code, locale)));
  const from = spokenLanguages(locale).filter(({ code }) => isSpokenServed(served, code));
  const to = writtenLanguages(locale).filter(({ code }) => isTargetServed(served, "auto", code));
  return <li>{texts.pair(named(from), named(to))}</li>;
}

function CopyCommand() {
  const texts = useTexts().page.languages;
  const [isCopied, setCopied] = useState(false);
  const copy = () =>
    void navigator.clipboard.writeText(COMMAND).then(
      () => setCopied(true),
      () => undefined,
    );
  return (
    <button type="button" className="small" onClick={copy}>
      {isCopied ? texts.copied : texts.copy}
    </button>
  );
}
