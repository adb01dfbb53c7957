import { useState } from "react";
import { finished } from "../core/captions";
import { MEDIA_TYPES, render, type Format, type Track } from "../core/export";
import { languageName } from "../core/languages";
import type { Session } from "../session";
import { useStore } from "./useStore";

const FORMATS: readonly (readonly [Format, string])[] = [
  ["txt", "Plain text"],
  ["srt", "Subtitles, SubRip"],
  ["vtt", "Subtitles, WebVTT"],
];

/** Takes the text along: to the clipboard or into a file. */
export function Keep({ session }: { session: Session }) {
  const captions = useStore(session.captions);
  const lines = finished(captions);
  const languages = [...new Set(lines.flatMap(({ translations }) => Object.keys(translations)))];
  const [chosen, setTrack] = useState<Track>("spoken");
  const track = languages.includes(chosen) ? chosen : "spoken";
  const isEmpty = lines.length === 0;
  return (
    <div className={isEmpty ? "keep is-empty" : "keep"} role="group" aria-label="Keep the text">
      {languages.length > 0 && (
        <select
          aria-label="Which words"
          data-testid="track"
          value={track}
          onChange={(event) => {
            setTrack(event.target.value);
          }}
        >
          <option value="spoken">As spoken</option>
          {languages.map((code) => (
            <option key={code} value={code}>
              {languageName(code)}
            </option>
          ))}
        </select>
      )}
      <CopyButton text={() => render(captions, "txt", track)} isDisabled={isEmpty} />
      {FORMATS.map(([format, title]) => (
        <button
          key={format}
          type="button"
          className="quiet"
          title={title}
          aria-label={`Download ${title}`}
          data-testid={`download-${format}`}
          disabled={isEmpty}
          onClick={() => {
            download(render(captions, format, track), format, track);
          }}
        >
          {format.toUpperCase()}
        </button>
      ))}
      <button type="button" className="quiet keep-clear" data-testid="clear" disabled={isEmpty} onClick={session.clear}>
        Clear
      </button>
    </div>
  );
}

function CopyButton({ text, isDisabled }: { text: () => string; isDisabled: boolean }) {
  const [label, setLabel] = useState("Copy");
  const copy = async () => {
    const outcome = await navigator.clipboard.writeText(text()).then(
      () => "Copied",
      () => "Not allowed",
    );
    setLabel(outcome);
    setTimeout(setLabel, 1500, "Copy");
  };
  return (
    <button type="button" className="quiet keep-copy" data-testid="copy" disabled={isDisabled} onClick={() => void copy()}>
      {label}
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
