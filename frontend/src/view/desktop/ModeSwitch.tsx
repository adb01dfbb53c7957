import { useRef, useState } from "react";
import type { DesktopAudioSource } from "../../desktop/bridge";
import { MODES } from "../../settings/settings";
import type { Desktop } from "../../desktop/desktop";
import { useTexts } from "../../i18n/texts";
import { useStore } from "../useStore";

/** Chooses between subtitles and voice typing, and the audio source of subtitles. */
export function ModeSwitch({ desktop }: { desktop: Desktop }) {
  const texts = useTexts().desktop;
  const { mode } = useStore(desktop.session.settings);
  return (
    <div className="modes">
      <div className="segments" role="group" aria-label={texts.mode}>
        {MODES.map((name) => (
          <button
            key={name}
            type="button"
            className="segment"
            aria-pressed={mode === name}
            data-testid={`mode-${name}`}
            onClick={() => {
              if (name === "dictation") desktop.session.source.set(null);
              desktop.session.updateSettings({ mode: name });
            }}
          >
            {texts.modes[name]}
          </button>
        ))}
      </div>
      {mode === "captions" && <SourceSelect desktop={desktop} />}
    </div>
  );
}

function SourceSelect({ desktop }: { desktop: Desktop }) {
  const texts = useTexts().desktop;
  const { phase } = useStore(desktop.session.connection);
  const source = useStore(desktop.session.source);
  const [others, setOthers] = useState<readonly DesktopAudioSource[]>([]);
  const file = useRef<HTMLInputElement>(null);
  const loadSources = () => {
    void desktop.shell.audioSources().then((all) => {
      const [system] = all.filter(({ kind }) => kind === "system");
      setOthers([...(system === undefined ? [] : [system]), ...all.filter(({ kind }) => kind === "window")]);
    });
  };
  // The list is loaded when the menu opens, but the chosen source is always part of it.
  const listed =
    source?.kind === "system" || source?.kind === "window"
      ? [source, ...others.filter(({ id }) => id !== source.id)]
      : others;
  const choose = (id: string) => {
    const other = others.find((one) => one.id === id);
    if (id === "file") file.current?.click();
    else desktop.session.source.set(other === undefined ? null : { kind: other.kind, id, name: other.name });
  };
  const chosen =
    source?.kind === "system" || source?.kind === "window"
      ? source.id
      : source?.kind === "file"
        ? "file"
        : "microphone";
  return (
    <>
      <select
        className="plain"
        aria-label={texts.source}
        data-testid="source"
        value={chosen}
        disabled={phase !== "idle" && phase !== "failed"}
        onPointerDown={loadSources}
        onFocus={loadSources}
        onChange={(event) => choose(event.target.value)}
      >
        <option value="microphone">{texts.sources.microphone}</option>
        {listed.map(({ id, name, kind }) => (
          <option key={id} value={id}>
            {kind === "system" ? texts.sources.system : name}
          </option>
        ))}
        <option value="file">{source?.kind === "file" ? source.file.name : texts.sources.file}</option>
      </select>
      <input
        ref={file}
        type="file"
        hidden
        accept="audio/*,video/*"
        data-testid="file"
        onChange={(event) => {
          const [picked] = event.target.files ?? [];
          if (picked !== undefined) desktop.session.source.set({ kind: "file", file: picked });
          event.target.value = "";
        }}
      />
    </>
  );
}
