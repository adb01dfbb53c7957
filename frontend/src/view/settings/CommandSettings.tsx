import { useState } from "react";
import { ACTIONS, COMMANDS, parsePhrases, writtenPhrases, type Action } from "../../dictation/commands";
import { languageName } from "../../settings/languages";
import type { Desk } from "../../desktop/desktop";
import { useLocale, useWords } from "../../i18n/texts";
import { useStore } from "../useStore";
import { Pick, Row, Section, Switch } from "./fields";

const LANGUAGES = Object.keys(COMMANDS);

/** Which words are commands, in each language. */
export function Commands({ desk }: { desk: Desk }) {
  const words = useWords().settings;
  const locale = useLocale();
  const { choose, settings } = desk.session;
  const { hasCommands, commands } = useStore(settings);
  const [language, setLanguage] = useState<string>(locale);
  const say = (action: Action, phrases: readonly string[]) => {
    choose({ commands: { ...commands, [language]: { ...commands[language], [action]: phrases } } });
  };
  return (
    <Section title={words.commands}>
      <Switch
        label={words.commandsOn}
        name="has-commands"
        value={hasCommands}
        onChange={(value) => {
          choose({ hasCommands: value });
        }}
      />
      {hasCommands && (
        <details className="details">
          <summary data-testid="commands">{words.wordings}</summary>
          <Pick
            label={words.commandsOf}
            name="commands-language"
            value={language}
            of={LANGUAGES.map((code) => [code, languageName(code, locale)])}
            onChange={setLanguage}
          />
          <p className="row-note">{words.commandsHow}</p>
          {ACTIONS.map((action) => (
            <Wording
              key={`${language} ${action}`}
              label={words.actions[action]}
              name={action}
              phrases={commands[language]?.[action]}
              onChange={(phrases) => {
                say(action, phrases);
              }}
            />
          ))}
          <div className="row">
            <button
              type="button"
              className="small"
              onClick={() => {
                choose({ commands: { ...commands, [language]: COMMANDS[language] ?? {} } });
              }}
            >
              {words.asAtFirst}
            </button>
          </div>
        </details>
      )}
    </Section>
  );
}

/** As it is typed, until the field is left: a comma at the end is on its way to another wording. */
function Wording({
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
    <Row label={label}>
      {(id) => (
        <input
          id={id}
          className="field is-long"
          data-testid={`command-${name}`}
          value={typed ?? writtenPhrases(phrases)}
          onChange={(event) => {
            setTyped(event.target.value);
            onChange(parsePhrases(event.target.value));
          }}
          onBlur={() => {
            setTyped(null);
          }}
        />
      )}
    </Row>
  );
}
