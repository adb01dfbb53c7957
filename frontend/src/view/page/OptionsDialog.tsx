import type { Page } from "../../page/page";
import { THEMES } from "../../settings/settings";
import { LOCALES, useTexts } from "../../i18n/texts";
import { FieldRow, SelectField, SwitchField } from "../settings/fields";
import { useStore } from "../useStore";
import { Dialog } from "./Dialog";
import { SpeakerOptions } from "./SpeakerOptions";

const TEXT_SIZES = [75, 100, 125, 150, 200];

/** Everything that is not needed for a first try. */
export function OptionsDialog({ page }: { page: Page }) {
  const { page: texts, settings: shared } = useTexts();
  const { settings, updateSettings } = page.session;
  const { dictionary, textSize, theme, locale, keepsHistory, turns } = useStore(settings);
  return (
    <Dialog page={page} name="options" title={texts.options.title}>
      <div className="settings-rows">
        <FieldRow label={texts.options.terms} hint={texts.options.termsHint} isWide>
          {(id) => (
            <textarea
              id={id}
              className="field"
              rows={3}
              dir="auto"
              spellCheck={false}
              aria-describedby={`${id}-hint`}
              data-testid="terms"
              value={dictionary}
              onChange={(event) => updateSettings({ dictionary: event.target.value })}
            />
          )}
        </FieldRow>
        <SpeakerOptions page={page} />
        <SwitchField
          label={texts.options.turns}
          hint={texts.options.turnsHint}
          name="turns"
          value={turns}
          onChange={(value) => updateSettings({ turns: value })}
        />
        <SelectField
          label={texts.options.textSize}
          name="text-size"
          value={String(textSize)}
          of={TEXT_SIZES.map((size) => [String(size), texts.options.percent(size)])}
          onChange={(value) => updateSettings({ textSize: Number(value) })}
        />
        <SelectField
          label={shared.theme}
          name="theme"
          value={theme}
          of={THEMES.map((name) => [name, shared.themes[name]])}
          onChange={(value) => updateSettings({ theme: value })}
        />
        <SelectField
          label={texts.options.locale}
          name="locale"
          value={locale}
          of={[["", shared.system], ...Object.entries(LOCALES)]}
          onChange={(value) => updateSettings({ locale: value })}
        />
        <SwitchField
          label={texts.options.keep}
          name="keeps-history"
          value={keepsHistory}
          onChange={(value) => updateSettings({ keepsHistory: value })}
        />
      </div>
    </Dialog>
  );
}
