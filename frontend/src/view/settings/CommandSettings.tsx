import { useState } from "react";
import {
  COMMAND_ACTIONS,
  DEFAULT_COMMANDS,
  parsePhrases,
  formatPhrases,
  type CommandAction,
} from "../../dictation/commands";
import { languageName } from "../../settings/languages";
import type { Desktop } from "../../desktop/desktop";
import { useLocale, useTexts } from "../../i18n/texts";
import { useStore } from "../useStore";
import { SelectField, FieldRow, Section, SwitchField } from "./fields";

const LANGUAGES = Object.keys(DEFAULT_COMMANDS);

/** The phrases of voice commands, by language. */
export function CommandSettings({ desktop }: { desktop: Desktop }) {
  const texts = useTexts().settings;
  const locale = useLocale();
  const { updateSettings, settings } = desktop.session;
  const { hasCommands, commands } = useStore(settings);
  const [language, setLanguage] = useState<string>(locale);
  const say = (action: CommandAction, phrases: readonly string[]) =>
    updateSettings({ commands: { ...commands, [language]: { ...commands[language], [action]: phrases } } });
  return (
    <Section title={texts.commands}>
      <SwitchField
        label={texts.commandsOn}
        name="has-commands"
        value={hasCommands}
        onChange={(value) => updateSettings({ hasCommands: value })}
      />
      {hasCommands && (
        <details className="details">
          <summary data-testid="commands">{texts.editCommands}</summary>
          <SelectField
            label={texts.commandsLanguage}
            name="commands-language"
            value={language}
            of={LANGUAGES.map((code) => [code, languageName(code, locale)])}
            onChange={setLanguage}
          />
          <p className="row-note">{texts.commandsHint}</p>
          {COMMAND_ACTIONS.map((action) => (
            <PhraseField
              key={`${language} ${action}`}
              label={texts.actions[action]}
              name={action}
              phrases={commands[language]?.[action]}
              onChange={(phrases) => say(action, phrases)}
            />
          ))}
          <div className="row">
            <button
              type="button"
              className="small"
              onClick={() =>
                updateSettings({ commands: { ...commands, [language]: DEFAULT_COMMANDS[language] ?? {} } })
              }
            >
              {texts.resetToDefaults}
            </button>
          </div>
        </details>
      )}
    </Section>
  );
}

/** Keeps the text as typed while it is edited: parsing would remove a comma at its end. */
function PhraseField({
  label,
  name,
  phrases,
  onChange,
}: {
  label: string;
  name: string;
  phrases: readonly string[] | undefined;
  onChange: (phrases: readonly string[]) => void;
}) {
  const [typed, setTyped] = useState<string | null>(null);
  return (
    <FieldRow label={label}>
      {(id) => (
        <input
          id={id}
          className="field is-long"
          data-testid={`command-${name}`}
          value={typed ?? formatPhrases(phrases)}
          onChange={(event) => {
            setTyped(event.target.value);
            onChange(parsePhrases(event.target.value));
          }}
          onBlur={() => setTyped(null)}
        />
      )}
    </FieldRow>
  );
}
