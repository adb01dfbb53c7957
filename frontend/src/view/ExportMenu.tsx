import { useState } from "react";
import { finished } from "../transcript/captions";
import { FORMATS, MEDIA_TYPES, render, type Format, type Track } from "../transcript/export";
import { languageName } from "../settings/languages";
import type { Captions } from "../transcript/captions";
import { useLocale, useWords } from "../i18n/texts";
import type { Session } from "../session/session";
import { useStore } from "./useStore";

/** Takes the text along: to the clipboard or into a file. */
export function Keep({ session }: { session: Session }) {
  return <TakeAlong captions={useStore(session.captions)} onClear={session.clear} clears={useWords().keep.clear} />;
}

interface TakeAlongProps {
  captions: Captions;
  onClear: () => void;
  /** What the button says that removes the text. */
  clears: string;
}

export function TakeAlong({ captions, onClear, clears }: TakeAlongProps) {
  const words = useWords().keep;
  const locale = useLocale();
  const lines = finished(captions);
  const languages = [...new Set(lines.flatMap(({ translations }) => Object.keys(translations)))];
  const [chosen, setTrack] = useState<Track>("spoken");
  const track = languages.includes(chosen) ? chosen : "spoken";
  const isEmpty = lines.length === 0;
  return (
    <div className={isEmpty ? "keep is-empty" : "keep"} role="group" aria-label={words.label}>
      {languages.length > 0 && (
        <select
          aria-label={words.which}
          data-testid="track"
          value={track}
          onChange={(event) => {
            setTrack(event.target.value);
          }}
        >
          <option value="spoken">{words.asSpoken}</option>
          {languages.map((code) => (
            <option key={code} value={code}>
              {languageName(code, locale)}
            </option>
          ))}
        </select>
      )}
      <CopyButton text={() => render(captions, "txt", track)} isDisabled={isEmpty} />
      {FORMATS.map((format) => (
        <button
          key={format}
          type="button"
          className="quiet"
          title={words.formats[format]}
          aria-label={words.download(words.formats[format])}
          data-testid={`download-${format}`}
          disabled={isEmpty}
          onClick={() => {
            download(render(captions, format, track), format, track);
          }}
        >
          {format.toUpperCase()}
        </button>
      ))}
      <button type="button" className="quiet keep-clear" data-testid="clear" disabled={isEmpty} onClick={onClear}>
        {clears}
      </button>
    </div>
  );
}

function CopyButton({ text, isDisabled }: { text: () => string; isDisabled: boolean }) {
  const words = useWords().keep;
  const [outcome, setOutcome] = useState<"copy" | "copied" | "notAllowed">("copy");
  const copy = async () => {
    const after = await navigator.clipboard.writeText(text()).then(
      () => "copied" as const,
      () => "notAllowed" as const,
    );
    setOutcome(after);
    setTimeout(setOutcome, 1500, "copy");
  };
  return (
    <button
      type="button"
      className="quiet keep-copy"
      data-testid="copy"
      disabled={isDisabled}
      onClick={() => void copy()}
    >
      {words[outcome]}
    </button>
  );
}

function download(text: string, format: Format, track: Track): void {
  const url = URL.createObjectURL(new Blob([text], { type: `${MEDIA_TYPES[format]};charset=utf-8` }));
  const link = document.createElement("a");
  const minute = new Date().toISOString().slice(0, 16).replace("T", "-").replace(":", "");
  link.href = url;
  link.download = `nova-voice-${minute}${track === "spoken" ? "" : `.${track}`}.${format}`;
  link.click();
  URL.revokeObjectURL(url);
}
