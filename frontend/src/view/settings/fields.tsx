import { useId, type ReactNode } from "react";

/** A titled group of settings. */
export function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="settings-section" aria-label={title}>
      <h2>{title}</h2>
      <div className="settings-rows">{children}</div>
    </section>
  );
}

/** A label with an optional hint, and the field that `children` creates. */
export function FieldRow({
  label,
  hint,
  children,
  isWide = false,
}: {
  label: string;
  hint?: string;
  children: (id: string) => ReactNode;
  isWide?: boolean;
}) {
  const id = useId();
  return (
    <div className={isWide ? "row is-wide" : "row"}>
      <div className="row-words">
        <label htmlFor={id}>{label}</label>
        {hint !== undefined && <p id={`${id}-hint`}>{hint}</p>}
      </div>
      {children(id)}
    </div>
  );
}

interface FieldProps<T> {
  label: string;
  hint?: string;
  name: string;
  value: T;
  onChange: (value: T) => void;
  isDisabled?: boolean;
}

export function SwitchField({ label, name, value, onChange, hint, isDisabled = false }: FieldProps<boolean>) {
  return (
    <FieldRow label={label} {...(hint === undefined ? {} : { hint })}>
      {(id) => (
        <input
          id={id}
          type="checkbox"
          role="switch"
          className="switch"
          data-testid={name}
          aria-describedby={hint === undefined ? undefined : `${id}-hint`}
          checked={value}
          disabled={isDisabled}
          onChange={(event) => onChange(event.target.checked)}
        />
      )}
    </FieldRow>
  );
}

export function SelectField<T extends string>({
  label,
  name,
  value,
  onChange,
  of,
  hint,
  isDisabled = false,
}: FieldProps<T> & { of: readonly (readonly [T, string])[] }) {
  return (
    <FieldRow label={label} {...(hint === undefined ? {} : { hint })}>
      {(id) => (
        <select
          id={id}
          className="field"
          data-testid={name}
          aria-describedby={hint === undefined ? undefined : `${id}-hint`}
          value={value}
          disabled={isDisabled}
          onChange={(event) => onChange(event.target.value as T)}
        >
          {of.map(([key, text]) => (
            <option key={key} value={key}>
              {text}
            </option>
          ))}
        </select>
      )}
    </FieldRow>
  );
}

interface SliderFieldProps extends FieldProps<number> {
  min: number;
  max: number;
  unit?: (value: number) => string;
}

export function SliderField({ label, name, value, onChange, min, max, unit = String }: SliderFieldProps) {
  return (
    <FieldRow label={label}>
      {(id) => (
        <span className="slide">
          <output htmlFor={id}>{unit(value)}</output>
          <input
            id={id}
            type="range"
            min={min}
            max={max}
            data-testid={name}
            value={value}
            onChange={(event) => onChange(Number(event.target.value))}
          />
        </span>
      )}
    </FieldRow>
  );
}

export function ColorField({ label, name, value, onChange }: FieldProps<string>) {
  return (
    <FieldRow label={label}>
      {(id) => (
        <input
          id={id}
          type="color"
          className="colour"
          data-testid={name}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </FieldRow>
  );
}
