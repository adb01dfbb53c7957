import { useEffect } from "react";
import type { Desktop } from "../../desktop/desktop";
import { useTexts } from "../../i18n/texts";
import { useStore } from "../useStore";
import { OnlySpeakerField } from "../voices/OnlySpeakerField";
import { Section, SwitchField } from "./fields";

/** Whether to show speakers, and whose speech gives text. */
export function SpeakerSettings({ desktop }: { desktop: Desktop }) {
  const texts = useTexts().speakers;
  const { session, speakers } = desktop;
  const { speakers: isShown } = useStore(session.settings);
  const { refresh } = speakers;
  // Voices may have been enrolled since the start.
  useEffect(() => void refresh(), [refresh]);
  return (
    <Section title={texts.title}>
      <SwitchField
        label={texts.show}
        hint={texts.shellHint}
        name="speakers"
        value={isShown}
        onChange={(value) => session.updateSettings({ speakers: value })}
      />
      <OnlySpeakerField session={session} voices={speakers.voices} isServed />
    </Section>
  );
}
