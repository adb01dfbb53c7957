import { useEffect, useId, useRef, type ReactNode } from "react";
import type { DialogName, Page } from "../../page/page";
import { useTexts } from "../../i18n/texts";
import { useStore } from "../useStore";

interface DialogProps {
  page: Pick<Page, "dialog">;
  name: DialogName;
  title: string;
  children: ReactNode;
}

/** A modal dialog of the browser, which keeps the focus and closes with Escape. */
export function Dialog({ page, name, title, children }: DialogProps) {
  const isOpen = useStore(page.dialog) === name;
  const texts = useTexts().page;
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    if (isOpen) ref.current?.showModal();
    else ref.current?.close();
  }, [isOpen]);
  const close = () => page.dialog.set("none");
  return (
    <dialog
      className="dialog"
      ref={ref}
      aria-labelledby={id}
      data-testid={`dialog-${name}`}
      onClose={() => isOpen && close()}
      onClick={(event) => event.target === ref.current && close()}
    >
      {isOpen && (
        <div className="dialog-body">
          <header className="dialog-top">
            <h2 id={id}>{title}</h2>
            <button type="button" className="quiet" data-testid="close" onClick={close}>
              {texts.close}
            </button>
          </header>
          {children}
        </div>
      )}
    </dialog>
  );
}
