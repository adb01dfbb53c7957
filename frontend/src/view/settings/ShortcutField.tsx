import { useState } from "react";
import { toAccelerator, formatAccelerator } from "../../settings/shortcut-keys";
import { useTexts } from "../../i18n/texts";
import { FieldRow } from "./fields";

interface ShortcutFieldProps {
  label: string;
  name: string;
  value: string;
  isMac: boolean;
  onChange: (shortcut: string) => void;
}

/** After a click it records the next shortcut. Escape and Tab cancel. */
export function ShortcutField({ label, name, value, isMac, onChange }: ShortcutFieldProps) {
  const texts = useTexts().settings;
  const [isRecording, setRecording] = useState(false);
  const shown = value === "" ? texts.noKeys : formatAccelerator(value, isMac);
  return (
    <FieldRow label={label}>
      {(id) => (
        <span className="shortcut">
          <button
            id={id}
            type="button"
            className="field keys"
            data-testid={name}
            aria-label={`${label}: ${shown}. ${texts.changeKeys}`}
            aria-pressed={isRecording}
            onClick={() => setRecording(!isRecording)}
            onBlur={() => setRecording(false)}
            onKeyDown={(event) => {
              if (!isRecording || event.code === "Tab") return;
              event.preventDefault();
              const shortcut = toAccelerator(event);
              if (shortcut !== "") onChange(shortcut);
              if (shortcut !== "" || event.code === "Escape") setRecording(false);
            }}
          >
            {isRecording ? texts.pressKeys : shown}
          </button>
          <button
            type="button"
            className="quiet"
            aria-label={`${texts.removeKeys}: ${label}`}
            disabled={value === ""}
            onClick={() => onChange("")}
          >
            ×
          </button>
        </span>
      )}
    </FieldRow>
  );
}
