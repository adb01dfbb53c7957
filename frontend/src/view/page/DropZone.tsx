import { useState, type DragEvent, type ReactNode } from "react";
import type { Page } from "../../page/page";
import { useTexts } from "../../i18n/texts";

const hasFiles = ({ dataTransfer }: DragEvent) => dataTransfer.types.includes("Files");

/** Transcribes a file that is dropped anywhere on the page. Without it, the browser would leave the page. */
export function DropZone({ page, children }: { page: Page; children: ReactNode }) {
  const texts = useTexts().page.recording;
  const [isOver, setOver] = useState(false);
  return (
    <div
      className="drop-zone"
      onDragOver={(event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={(event) => event.relatedTarget === null && setOver(false)}
      onDrop={(event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(false);
        transcribeFirst(page, event.dataTransfer.files);
      }}
    >
      {children}
      {isOver && (
        <p className="drop-hint" role="status">
          {texts.drop}
        </p>
      )}
    </div>
  );
}

export function transcribeFirst(page: Page, files: FileList | null): void {
  const [file, ...others] = files ?? [];
  if (file === undefined) return;
  page.transcribe(file);
  if (others.length > 0) page.session.addNotice({ code: "one_file", message: "", isError: false });
}
