import { THEMES } from "../../settings/settings";
import type { Desktop } from "../../desktop/desktop";
import { LOCALES, useTexts } from "../../i18n/texts";
import { useStore } from "../useStore";
import { CommandSettings } from "./CommandSettings";
import { SelectField, FieldRow, Section, SwitchField } from "./fields";
import { ServerSettings } from "./ServerSettings";
import { ShortcutField } from "./ShortcutField";
import { SpeakerSettings } from "./SpeakerSettings";
import { SubtitleSettingsSection } from "./SubtitleSettingsSection";

export function SettingsPage({ desktop }: { desktop: Desktop }) {
  const texts = useTexts().settings;
  return (
    <main className="sheet">
      <Section title={texts.server}>
        <ServerSettings desktop={desktop} />
      </Section>
      <TypingSettings desktop={desktop} />
      <CommandSettings desktop={desktop} />
      <SubtitleSettingsSection desktop={desktop} />
      <SpeakerSettings desktop={desktop} />
      <ShortcutSettings desktop={desktop} />
      <GeneralSettings desktop={desktop} />
    </main>
  );
}

function TypingSettings({ desktop }: { desktop: Desktop }) {
  const texts = useTexts().settings;
  const { updateSettings, settings } = desktop.session;
  const { typesWhileSpeaking, typesTranslation, isReady, dictionary } = useStore(settings);
  return (
    <Section title={texts.typing}>
      <SwitchField
        label={texts.whileSpeaking}
        hint={texts.whileSpeakingHint}
        name="while-speaking"
        value={typesWhileSpeaking}
        onChange={(value) => updateSettings({ typesWhileSpeaking: value })}
      />
      <SwitchField
        label={texts.typeTranslation}
        name="type-translation"
        value={typesTranslation}
        onChange={(value) => updateSettings({ typesTranslation: value })}
      />
      <SwitchField
        label={texts.keepReady}
        hint={texts.keepReadyHint}
        name="keep-ready"
        value={isReady}
        onChange={(value) => updateSettings({ isReady: value })}
      />
      <FieldRow label={texts.dictionary} hint={texts.dictionaryHint} isWide>
        {(id) => (
          <textarea
            id={id}
            className="field"
            rows={4}
            spellCheck={false}
            data-testid="dictionary"
            value={dictionary}
            onChange={(event) => updateSettings({ dictionary: event.target.value })}
          />
        )}
      </FieldRow>
    </Section>
  );
}

export function ShortcutSettings({ desktop }: { desktop: Desktop }) {
  const texts = useTexts().settings;
  const { holdShortcut, toggleShortcut, subtitlesShortcut } = useStore(desktop.session.settings);
  const { platform, shortcutProblem } = desktop.environment;
  const isMac = platform === "darwin";
  return (
    <Section title={texts.shortcuts}>
      {shortcutProblem !== "" && <p className="caution row-note">{shortcutProblem}</p>}
      <ShortcutField
        label={texts.holdKeys}
        name="hold-keys"
        value={holdShortcut}
        isMac={isMac}
        onChange={(shortcut) => desktop.session.updateSettings({ holdShortcut: shortcut })}
      />
      <ShortcutField
        label={texts.toggleKeys}
        name="toggle-keys"
        value={toggleShortcut}
        isMac={isMac}
        onChange={(shortcut) => desktop.session.updateSettings({ toggleShortcut: shortcut })}
      />
      <ShortcutField
        label={texts.subtitlesKeys}
        name="subtitles-keys"
        value={subtitlesShortcut}
        isMac={isMac}
        onChange={(shortcut) => desktop.session.updateSettings({ subtitlesShortcut: shortcut })}
      />
    </Section>
  );
}

function GeneralSettings({ desktop }: { desktop: Desktop }) {
  const texts = useTexts().settings;
  const { updateSettings, settings } = desktop.session;
  const { locale, theme, keepsHistory, opensAtLogin } = useStore(settings);
  return (
    <Section title={texts.general}>
      <SelectField
        label={texts.language}
        name="locale"
        value={locale}
        of={[["", texts.system], ...Object.entries(LOCALES)]}
        onChange={(value) => updateSettings({ locale: value })}
      />
      <SelectField
        label={texts.theme}
        name="theme"
        value={theme}
        of={THEMES.map((name) => [name, texts.themes[name]])}
        onChange={(value) => updateSettings({ theme: value })}
      />
      <SwitchField
        label={texts.history}
        name="keeps-history"
        value={keepsHistory}
        onChange={(value) => updateSettings({ keepsHistory: value })}
      />
      <SwitchField
        label={texts.login}
        name="login"
        value={opensAtLogin}
        onChange={(value) => updateSettings({ opensAtLogin: value })}
      />
      <div className="row">
        <button
          type="button"
          className="small"
          data-testid="set-up-again"
          onClick={() => updateSettings({ isSetUp: false })}
        >
          {texts.setUpAgain}
        </button>
      </div>
    </Section>
  );
}
