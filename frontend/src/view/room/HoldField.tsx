import { useTexts } from "../../i18n/texts";
import type { Moderation } from "../../room/moderation";
import { SelectField } from "../settings/fields";
import { useStore } from "../useStore";

const SECONDS = [0, 3, 5, 10, 20, 60];

/** How long lines wait for a moderator. */
export function HoldField({ moderation }: { moderation: Moderation }) {
  const texts = useTexts().room.moderation;
  const { holdMs } = useStore(moderation.hold);
  const offered = [...new Set([...SECONDS, holdMs / 1_000])].sort((a, b) => a - b);
  return (
    <div className="room-hold">
      <SelectField
        label={texts.hold}
        name="hold"
        value={String(holdMs)}
        of={offered.map((seconds) => [String(1_000 * seconds), seconds === 0 ? texts.off : texts.seconds(seconds)])}
        onChange={(ms) => moderation.setHold(Number(ms))}
      />
      {useStore(moderation.hasFailed) && (
        <p className="row-note is-bad" role="alert">
          {texts.failed}
        </p>
      )}
    </div>
  );
}
