import type { Page } from "../../page/page";
import { useTexts } from "../../i18n/texts";
import { SwitchField } from "../settings/fields";
import { OnlySpeakerField } from "../voices/OnlySpeakerField";
import { useStore } from "../useStore";

/** Whether to show speakers, and whose speech to transcribe. */
export function SpeakerOptions({ page }: { page: Page }) {
  const texts = useTexts().speakers;
  const { settings, updateSettings } = page.session;
  const { speakers } = useStore(settings);
  const served = useStore(page.languages);
  const isUnavailable = served.speakers === false;
  return (
    <>
      <SwitchField
        label={texts.title}
        hint={isUnavailable ? texts.unavailable : texts.hint}
        name="speakers"
        value={speakers && !isUnavailable}
        isDisabled={isUnavailable}
        onChange={(value) => updateSettings({ speakers: value })}
      />
      <OnlySpeakerField session={page.session} voices={page.speakers.voices} isServed={served.onlySpeaker !== false} />
      <EnrolRow page={page} />
    </>
  );
}

function EnrolRow({ page }: { page: Page }) {
  const texts = useTexts().voices;
  return (
    <div className="row">
      <div className="row-words">
        <p>{texts.hint}</p>
      </div>
      <button type="button" className="small" data-testid="voices" onClick={() => page.dialog.set("voices")}>
        {texts.manage}
      </button>
    </div>
  );
}
