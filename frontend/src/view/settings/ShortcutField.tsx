import { useState } from "react";
import { accelerator, readable } from "../../settings/shortcut-keys";
import { useWords } from "../../i18n/texts";
import { Row } from "./fields";

interface ShortcutProps {
  label: string;
  name: string;
  value: string;
  isMac: boolean;
  onChange: (written: string) => void;
}

/** Keys pressed together: pressed once, it takes the next ones. Escape and Tab leave it as it was. */
export function Shortcut({ label, name, value, isMac, onChange }: ShortcutProps) {
  const words = useWords().settings;
  const [isTaking, setTaking] = useState(false);
  const shown = value === "" ? words.noKeys : readable(value, isMac);
  return (
    <Row label={label}>
      {(id) => (
        <span className="shortcut">
          <button
            id={id}
            type="button"
            className="field keys"
            data-testid={name}
            aria-label={`${label}: ${shown}. ${words.changeKeys}`}
            aria-pressed={isTaking}
            onClick={() => {
              setTaking(!isTaking);
            }}
            onBlur={() => {
              setTaking(false);
            }}
            onKeyDown={(event) => {
              if (!isTaking || event.code === "Tab") return;
              event.preventDefault();
              const written = accelerator(event);
              if (written !== "") onChange(written);
              if (written !== "" || event.code === "Escape") setTaking(false);
            }}
          >
            {isTaking ? words.pressKeys : shown}
          </button>
          <button
            type="button"
            className="quiet"
            aria-label={`${words.removeKeys}: ${label}`}
            disabled={value === ""}
            onClick={() => {
              onChange("");
            }}
          >
            ×
          </button>
        </span>
      )}
    </Row>
  );
}
