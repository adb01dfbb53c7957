import type { Page } from "../../page/page";
import { useTexts } from "../../i18n/texts";
import { SelectField, SwitchField } from "../settings/fields";
import { useStore } from "../useStore";

/** Whether to show speakers, and whose speech to transcribe. */
export function SpeakerOptions({ page }: { page: Page }) {
  const texts = useTexts().speakers;
  const { settings, updateSettings } = page.session;
  const { speakers, onlySpeaker } = useStore(settings);
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
      <OnlySpeakerField page={page} value={onlySpeaker} />
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

/** Missing while no voice is enrolled. A choice that is not in the list any more stays visible. */
function OnlySpeakerField({ page, value }: { page: Page; value: string }) {
  const texts = useTexts().speakers;
  const voices = useStore(page.speakers.voices);
  const { onlySpeaker: isServed } = useStore(page.languages);
  const names = voices.includes(value) || value === "" ? voices : [value, ...voices];
  if (names.length === 0) return null;
  return (
    <SelectField
      label={texts.only}
      hint={isServed === false ? texts.unavailable : texts.onlyHint}
      name="only-speaker"
      value={value}
      isDisabled={isServed === false && value === ""}
      of={[["", texts.everyone], ...names.map((name) => [name, name] as const)]}
      onChange={(name) => page.session.updateSettings({ onlySpeaker: name })}
    />
  );
}
