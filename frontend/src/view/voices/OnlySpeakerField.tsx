import { useTexts } from "../../i18n/texts";
import type { Session } from "../../session/session";
import type { Store } from "../../session/store";
import { SelectField } from "../settings/fields";
import { useStore } from "../useStore";

interface OnlySpeakerFieldProps {
  session: Session;
  /** Names of the enrolled voices. */
  voices: Store<readonly string[]>;
  /** Whether the server can compare voices, as far as it is known. */
  isServed: boolean;
}

/** Missing while no voice is enrolled. A choice that is not in the list any more stays visible. */
export function OnlySpeakerField({ session, voices, isServed }: OnlySpeakerFieldProps) {
  const texts = useTexts().speakers;
  const { onlySpeaker: value } = useStore(session.settings);
  const enrolled = useStore(voices);
  const names = enrolled.includes(value) || value === "" ? enrolled : [value, ...enrolled];
  if (names.length === 0) return null;
  return (
    <SelectField
      label={texts.only}
      hint={isServed ? texts.onlyHint : texts.unavailable}
      name="only-speaker"
      value={value}
      isDisabled={!isServed && value === ""}
      of={[["", texts.everyone], ...names.map((name) => [name, name] as const)]}
      onChange={(name) => session.updateSettings({ onlySpeaker: name })}
    />
  );
}
