import { THEMES } from "../../settings/settings";
import type { Desk } from "../../desktop/desktop";
import { LOCALES, useWords } from "../../i18n/texts";
import { useStore } from "../useStore";
import { Commands } from "./CommandSettings";
import { Pick, Row, Section, Switch } from "./fields";
import { ServerChoice } from "./ServerSettings";
import { Shortcut } from "./ShortcutField";
import { Subtitles } from "./SubtitleSettingsSection";

export function Settings({ desk }: { desk: Desk }) {
  const words = useWords().settings;
  return (
    <main className="sheet">
      <Section title={words.server}>
        <ServerChoice desk={desk} />
      </Section>
      <Typing desk={desk} />
      <Commands desk={desk} />
      <Subtitles desk={desk} />
      <Shortcuts desk={desk} />
      <General desk={desk} />
    </main>
  );
}

function Typing({ desk }: { desk: Desk }) {
  const words = useWords().settings;
  const { choose, settings } = desk.session;
  const { typesWhileSpeaking, typesTranslation, isReady, dictionary } = useStore(settings);
  return (
    <Section title={words.typing}>
      <Switch
        label={words.whileSpeaking}
        how={words.whileSpeakingHow}
        name="while-speaking"
        value={typesWhileSpeaking}
        onChange={(value) => {
          choose({ typesWhileSpeaking: value });
        }}
      />
      <Switch
        label={words.typeTranslation}
        name="type-translation"
        value={typesTranslation}
        onChange={(value) => {
          choose({ typesTranslation: value });
        }}
      />
      <Switch
        label={words.ready}
        how={words.readyHow}
        name="ready"
        value={isReady}
        onChange={(value) => {
          choose({ isReady: value });
        }}
      />
      <Row label={words.dictionary} how={words.dictionaryHow} isWide>
        {(id) => (
          <textarea
            id={id}
            className="field"
            rows={4}
            spellCheck={false}
            data-testid="dictionary"
            value={dictionary}
            onChange={(event) => {
              choose({ dictionary: event.target.value });
            }}
          />
        )}
      </Row>
    </Section>
  );
}

export function Shortcuts({ desk }: { desk: Desk }) {
  const words = useWords().settings;
  const { holdShortcut, toggleShortcut, subtitlesShortcut } = useStore(desk.session.settings);
  const { platform, shortcutProblem } = desk.surroundings;
  const isMac = platform === "darwin";
  return (
    <Section title={words.shortcuts}>
      {shortcutProblem !== "" && <p className="caution row-note">{shortcutProblem}</p>}
      <Shortcut
        label={words.holdKeys}
        name="hold-keys"
        value={holdShortcut}
        isMac={isMac}
        onChange={(written) => {
          desk.session.choose({ holdShortcut: written });
        }}
      />
      <Shortcut
        label={words.toggleKeys}
        name="toggle-keys"
        value={toggleShortcut}
        isMac={isMac}
        onChange={(written) => {
          desk.session.choose({ toggleShortcut: written });
        }}
      />
      <Shortcut
        label={words.subtitlesKeys}
        name="subtitles-keys"
        value={subtitlesShortcut}
        isMac={isMac}
        onChange={(written) => {
          desk.session.choose({ subtitlesShortcut: written });
        }}
      />
    </Section>
  );
}

function General({ desk }: { desk: Desk }) {
  const words = useWords().settings;
  const { choose, settings } = desk.session;
  const { locale, theme, keepsHistory, opensAtLogin } = useStore(settings);
  return (
    <Section title={words.general}>
      <Pick
        label={words.language}
        name="locale"
        value={locale}
        of={[["", words.system], ...Object.entries(LOCALES)]}
        onChange={(value) => {
          choose({ locale: value });
        }}
      />
      <Pick
        label={words.theme}
        name="theme"
        value={theme}
        of={THEMES.map((name) => [name, words.themes[name]])}
        onChange={(value) => {
          choose({ theme: value });
        }}
      />
      <Switch
        label={words.history}
        name="keeps-history"
        value={keepsHistory}
        onChange={(value) => {
          choose({ keepsHistory: value });
        }}
      />
      <Switch
        label={words.login}
        name="login"
        value={opensAtLogin}
        onChange={(value) => {
          choose({ opensAtLogin: value });
        }}
      />
      <div className="row">
        <button
          type="button"
          className="small"
          data-testid="set-up-again"
          onClick={() => {
            choose({ isSetUp: false });
          }}
        >
          {words.again}
        </button>
      </div>
    </Section>
  );
}
