import { useState } from "react";
import { finishedUtterances } from "../transcript/captions";
import { EXPORT_FORMATS, MEDIA_TYPES, exportTranscript, type ExportFormat, type Track } from "../transcript/export";
import { languageName } from "../settings/languages";
import type { Captions } from "../transcript/captions";
import { useLocale, useTexts } from "../i18n/texts";
import type { Session } from "../session/session";
import { useStore } from "./useStore";

/** Copies the text to the clipboard, or downloads it as a file. */
export function SessionExport({ session }: { session: Session }) {
  return (
    <ExportMenu captions={useStore(session.captions)} onClear={session.clear} clearLabel={useTexts().export.clear} />
  );
}

interface ExportMenuProps {
  captions: Captions;
  onClear: () => void;
  /** Label of the button that removes the text. */
  clearLabel: string;
}

export function ExportMenu({ captions, onClear, clearLabel }: ExportMenuProps) {
  const texts = useTexts().export;
  const locale = useLocale();
  const lines = finishedUtterances(captions);
  const languages = [...new Set(lines.flatMap(({ translations }) => Object.keys(translations)))];
  const [chosen, setTrack] = useState<Track>("spoken");
  const track = languages.includes(chosen) ? chosen : "spoken";
  const isEmpty = lines.length === 0;
  return (
    <div className={isEmpty ? "export-menu is-empty" : "export-menu"} role="group" aria-label={texts.label}>
      {languages.length > 0 && (
        <select
          aria-label={texts.track}
          data-testid="track"
          value={track}
          onChange={(event) => setTrack(event.target.value)}
        >
          <option value="spoken">{texts.asSpoken}</option>
          {languages.map((code) => (
            <option key={code} value={code}>
              {languageName(code, locale)}
            </option>
          ))}
        </select>
      )}
      <CopyButton text={() => exportTranscript(captions, "txt", track)} isDisabled={isEmpty} />
      {EXPORT_FORMATS.map((format) => (
        <button
          key={format}
          type="button"
          className="quiet"
          title={texts.formats[format]}
          aria-label={texts.download(texts.formats[format])}
          data-testid={`download-${format}`}
          disabled={isEmpty}
          onClick={() => download(exportTranscript(captions, format, track), format, track)}
        >
          {format.toUpperCase()}
        </button>
      ))}
      <button type="button" className="quiet export-clear" data-testid="clear" disabled={isEmpty} onClick={onClear}>
        {clearLabel}
      </button>
    </div>
  );
}

function CopyButton({ text, isDisabled }: { text: () => string; isDisabled: boolean }) {
  const texts = useTexts().export;
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
      className="quiet export-copy"
      data-testid="copy"
      disabled={isDisabled}
      onClick={() => void copy()}
    >
      {texts[outcome]}
    </button>
  );
}

function download(text: string, format: ExportFormat, track: Track): void {
  const url = URL.createObjectURL(new Blob([text], { type: `${MEDIA_TYPES[format]};charset=utf-8` }));
  const link = document.createElement("a");
  const minute = new Date().toISOString().slice(0, 16).replace("T", "-").replace(":", "");
  link.href = url;
  link.download = `nova-voice-${minute}${track === "spoken" ? "" : `.${track}`}.${format}`;
  link.click();
  URL.revokeObjectURL(url);
}
