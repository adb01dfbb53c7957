import { useRef, useState } from "react";
import type { Source as Heard } from "../../desktop/bridge";
import { MODES } from "../../settings/settings";
import type { Desk } from "../../desktop/desktop";
import { useWords } from "../../i18n/texts";
import { useStore } from "../useStore";

/** What the words are for, and whose sound they are. */
export function Modes({ desk }: { desk: Desk }) {
  const words = useWords().desk;
  const { mode } = useStore(desk.session.settings);
  return (
    <div className="modes">
      <div className="segments" role="group" aria-label={words.mode}>
        {MODES.map((name) => (
          <button
            key={name}
            type="button"
            className="segment"
            aria-pressed={mode === name}
            data-testid={`mode-${name}`}
            onClick={() => {
              if (name === "dictation") desk.session.source.set(null);
              desk.session.choose({ mode: name });
            }}
          >
            {words.modes[name]}
          </button>
        ))}
      </div>
      {mode === "captions" && <Sources desk={desk} />}
    </div>
  );
}

function Sources({ desk }: { desk: Desk }) {
  const words = useWords().desk;
  const { phase } = useStore(desk.session.connection);
  const source = useStore(desk.session.source);
  const [others, setOthers] = useState<readonly Heard[]>([]);
  const file = useRef<HTMLInputElement>(null);
  const look = () => {
    void desk.nova.sources().then((all) => {
      const [system] = all.filter(({ kind }) => kind === "system");
      setOthers([...(system === undefined ? [] : [system]), ...all.filter(({ kind }) => kind === "window")]);
    });
  };
  // One that was chosen stays in the list when the window is drawn anew.
  const listed =
    source?.kind === "system" || source?.kind === "window"
      ? [source, ...others.filter(({ id }) => id !== source.id)]
      : others;
  const choose = (id: string) => {
    const other = others.find((one) => one.id === id);
    if (id === "file") file.current?.click();
    else desk.session.source.set(other === undefined ? null : { kind: other.kind, id, name: other.name });
  };
  const chosen =
    source === null || source.kind === "microphone" ? "microphone" : source.kind === "file" ? "file" : source.id;
  return (
    <>
      <select
        className="plain"
        aria-label={words.source}
        data-testid="source"
        value={chosen}
        disabled={phase !== "idle" && phase !== "failed"}
        onPointerDown={look}
        onFocus={look}
        onChange={(event) => {
          choose(event.target.value);
        }}
      >
        <option value="microphone">{words.sources.microphone}</option>
        {listed.map(({ id, name, kind }) => (
          <option key={id} value={id}>
            {kind === "system" ? words.sources.system : name}
          </option>
        ))}
        <option value="file">{source?.kind === "file" ? source.file.name : words.sources.file}</option>
      </select>
      <input
        ref={file}
        type="file"
        hidden
        accept="audio/*,video/*"
        data-testid="file"
        onChange={(event) => {
          const [picked] = event.target.files ?? [];
          if (picked !== undefined) desk.session.source.set({ kind: "file", file: picked });
          event.target.value = "";
        }}
      />
    </>
  );
}
