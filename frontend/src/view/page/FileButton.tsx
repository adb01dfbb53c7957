import { useRef, type ReactNode } from "react";
import type { Page } from "../../page/page";
import { transcribeFirst } from "./DropZone";

interface FileButtonProps {
  page: Page;
  className: string;
  children: ReactNode;
  hasFocus?: boolean;
}

/** Opens the browser's dialog for a file, and transcribes it. */
export function FileButton({ page, className, children, hasFocus = false }: FileButtonProps) {
  const field = useRef<HTMLInputElement>(null);
  return (
    <>
      <button
        type="button"
        className={className}
        data-testid="choose-file"
        autoFocus={hasFocus}
        onClick={() => field.current?.click()}
      >
        {children}
      </button>
      <input
        ref={field}
        type="file"
        hidden
        accept="audio/*,video/*,.mkv,.opus,.amr,.wma"
        data-testid="file"
        onChange={({ target }) => {
          transcribeFirst(page, target.files);
          // The same file can be chosen again.
          target.value = "";
        }}
      />
    </>
  );
}
