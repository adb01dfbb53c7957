import type { CSSProperties } from "react";
import type { Store } from "../session/store";
import { useTexts } from "../i18n/texts";
import { useStore } from "./useStore";

// Relative heights of the bars.
const BAR_HEIGHTS = [0.45, 0.75, 1, 0.7, 0.4];

export function LevelMeter({ level }: { level: Store<number> }) {
  const texts = useTexts().controls;
  const value = useStore(level);
  return (
    <div
      className="meter"
      role="meter"
      aria-label={texts.level}
      aria-valuemin={0}
      aria-valuemax={1}
      aria-valuenow={Math.round(value * 10) / 10}
      data-testid="level"
      style={{ "--level": value } as CSSProperties}
    >
      {BAR_HEIGHTS.map((weight, index) => (
        <span key={index} style={{ "--weight": weight } as CSSProperties} />
      ))}
    </div>
  );
}
