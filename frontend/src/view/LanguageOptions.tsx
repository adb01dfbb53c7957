import { frequentFirst, type Language } from "../settings/languages";
import { useTexts } from "../i18n/texts";

// Fewer languages need no groups.
const MAX_UNGROUPED = 8;

/** The options of a list of languages: those that are used most come first. */
export function LanguageOptions({ of }: { of: readonly Language[] }) {
  const texts = useTexts().page.languages;
  if (of.length <= MAX_UNGROUPED) return <Options of={of} />;
  const [frequent, others] = frequentFirst(of, navigator.languages);
  return (
    <>
      <optgroup label={texts.frequent}>
        <Options of={frequent} />
      </optgroup>
      <optgroup label={texts.others}>
        <Options of={others} />
      </optgroup>
    </>
  );
}

function Options({ of }: { of: readonly Language[] }) {
  return of.map(({ code, name }) => (
    <option key={code} value={code}>
      {name}
    </option>
  ));
}
