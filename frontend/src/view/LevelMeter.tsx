import type { CSSProperties } from "react";
import type { Store } from "../session/store";
import { useWords } from "../i18n/texts";
import { useStore } from "./useStore";

const BARS = [0.45, 0.75, 1, 0.7, 0.4];

/** How loud the microphone is. */
export function Meter({ level }: { level: Store<number> }) {
  const words = useWords().controls;
  const value = useStore(level);
  return (
    <div
      className="meter"
      role="meter"
      aria-label={words.level}
      aria-valuemin={0}
      aria-valuemax={1}
      aria-valuenow={Math.round(value * 10) / 10}
      data-testid="level"
      style={{ "--level": value } as CSSProperties}
    >
      {BARS.map((weight, index) => (
        <span key={index} style={{ "--weight": weight } as CSSProperties} />
      ))}
    </div>
  );
}
