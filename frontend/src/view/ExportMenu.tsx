import { Fragment, useState } from "react";
import { finishedUtterances } from "../transcript/captions";
import {
  EXPORT_FORMATS,
  MEDIA_TYPES,
  bilingualTrack,
  exportTranscript,
  type ExportFormat,
  type Track,
} from "../transcript/export";
import { languageName } from "../settings/languages";
import type { Captions } from "../transcript/captions";
import { useLocale, useTexts } from "../i18n/texts";
import type { Session } from "../session/session";
import { useSpeakerName } from "./transcript/SpeakerLabel";
import { useStore } from "./useStore";

/** The menu of the session that the desktop client shows. */
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
  /** Brings back what `onClear` removed; null if there is nothing to bring back. */
  onUndo?: (() => void) | null;
  /** Of the session, for the names of files. */
  title?: string;
}

/** Copies the text to the clipboard, or downloads it as a file. */
export function ExportMenu({ captions, onClear, clearLabel, onUndo = null, title = "" }: ExportMenuProps) {
  const { export: texts, page } = useTexts();
  const locale = useLocale();
  const names = useSpeakerName();
  const lines = finishedUtterances(captions);
  const languages = [...new Set(lines.flatMap(({ translations }) => Object.keys(translations)))];
  const [chosen, setTrack] = useState<Track>("spoken");
  const tracks = ["spoken", ...languages.flatMap((code) => [bilingualTrack(code), code])];
  const track = tracks.includes(chosen) ? chosen : "spoken";
  const isEmpty = lines.length === 0;
  return (
    <div
      className={isEmpty && onUndo === null ? "export-menu is-empty" : "export-menu"}
      role="group"
      aria-label={texts.label}
    >
      {languages.length > 0 && (
        <select
          aria-label={texts.track}
          data-testid="track"
          value={track}
          onChange={(event) => setTrack(event.target.value)}
        >
          <option value="spoken">{texts.asSpoken}</option>
          {languages.map((code) => (
            <Fragment key={code}>
              <option value={code}>{languageName(code, locale)}</option>
              <option value={bilingualTrack(code)}>{page.export.both(languageName(code, locale))}</option>
            </Fragment>
          ))}
        </select>
      )}
      <CopyButton text={() => exportTranscript(captions, "txt", track, names)} isDisabled={isEmpty} />
      {EXPORT_FORMATS.map((format) => (
        <button
          key={format}
          type="button"
          className="quiet"
          title={texts.formats[format]}
          aria-label={texts.download(format.toUpperCase(), texts.formats[format])}
          data-testid={`download-${format}`}
          disabled={isEmpty}
          onClick={() =>
            download(exportTranscript(captions, format, track, names), fileName(title, track, format), format)
          }
        >
          {format.toUpperCase()}
        </button>
      ))}
      {onUndo !== null && isEmpty ? (
        <button type="button" className="quiet export-clear" data-testid="undo-clear" onClick={onUndo}>
          {page.export.undoClear}
        </button>
      ) : (
        <button type="button" className="quiet export-clear" data-testid="clear" disabled={isEmpty} onClick={onClear}>
          {clearLabel}
        </button>
      )}
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

function download(text: string, name: string, format: ExportFormat): void {
  const url = URL.createObjectURL(new Blob([text], { type: `${MEDIA_TYPES[format]};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

/** Players find subtitles by the name of their video: film.mp4, film.srt, film.es.srt. */
function fileName(title: string, track: Track, format: ExportFormat): string {
  const minute = new Date().toISOString().slice(0, 16).replace("T", "-").replace(":", "");
  const base = title.replace(/\.[a-z0-9]{2,4}$/iu, "").replace(/[\\/:*?"<>|\p{Cc}]+/gu, "-");
  const suffix = track === "spoken" ? "" : `.${track.replace(":", ".")}`;
  return `${base.trim() === "" ? `nova-voice-${minute}` : base.trim()}${suffix}.${format}`;
}
