interface SearchFieldProps {
  label: string;
  query: string;
  onChange: (query: string) => void;
  /** A further style. */
  className?: string;
}

/** The field that filters a list of sessions. */
export function SearchField({ label, query, onChange, className = "" }: SearchFieldProps) {
  return (
    <input
      type="search"
      className={`field ${className}`.trim()}
      placeholder={label}
      aria-label={label}
      data-testid="search"
      value={query}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}
