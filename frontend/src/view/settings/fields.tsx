import { useId, type ReactNode } from "react";

/** A part of the settings with its name. */
export function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="settings-section" aria-label={title}>
      <h2>{title}</h2>
      <div className="settings-rows">{children}</div>
    </section>
  );
}

/** A name, what it means, and what is chosen. */
export function Row({
  label,
  how,
  children,
  isWide = false,
}: {
  label: string;
  how?: string;
  children: (id: string) => ReactNode;
  isWide?: boolean;
}) {
  const id = useId();
  return (
    <div className={isWide ? "row is-wide" : "row"}>
      <div className="row-words">
        <label htmlFor={id}>{label}</label>
        {how !== undefined && <p id={`${id}-how`}>{how}</p>}
      </div>
      {children(id)}
    </div>
  );
}

interface ChoiceProps<T> {
  label: string;
  how?: string;
  name: string;
  value: T;
  onChange: (value: T) => void;
  isDisabled?: boolean;
}

export function Switch({ label, name, value, onChange, how, isDisabled = false }: ChoiceProps<boolean>) {
  return (
    <Row label={label} {...(how === undefined ? {} : { how })}>
      {(id) => (
        <input
          id={id}
          type="checkbox"
          role="switch"
          className="switch"
          data-testid={name}
          aria-describedby={how === undefined ? undefined : `${id}-how`}
          checked={value}
          disabled={isDisabled}
          onChange={(event) => {
            onChange(event.target.checked);
          }}
        />
      )}
    </Row>
  );
}

export function Pick<T extends string>({
  label,
  name,
  value,
  onChange,
  of,
}: ChoiceProps<T> & { of: readonly (readonly [T, string])[] }) {
  return (
    <Row label={label}>
      {(id) => (
        <select
          id={id}
          className="field"
          data-testid={name}
          value={value}
          onChange={(event) => {
            onChange(event.target.value as T);
          }}
        >
          {of.map(([key, text]) => (
            <option key={key} value={key}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Row>
  );
}

interface SlideProps extends ChoiceProps<number> {
  least: number;
  most: number;
  unit?: (value: number) => string;
}

export function Slide({ label, name, value, onChange, least, most, unit = String }: SlideProps) {
  return (
    <Row label={label}>
      {(id) => (
        <span className="slide">
          <output htmlFor={id}>{unit(value)}</output>
          <input
            id={id}
            type="range"
            min={least}
            max={most}
            data-testid={name}
            value={value}
            onChange={(event) => {
              onChange(Number(event.target.value));
            }}
          />
        </span>
      )}
    </Row>
  );
}

export function Colour({ label, name, value, onChange }: ChoiceProps<string>) {
  return (
    <Row label={label}>
      {(id) => (
        <input
          id={id}
          type="color"
          className="colour"
          data-testid={name}
          value={value}
          onChange={(event) => {
            onChange(event.target.value);
          }}
        />
      )}
    </Row>
  );
}
