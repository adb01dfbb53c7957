import { useEffect, type ReactNode } from "react";
import type { Settings } from "../settings/settings";
import type { Store } from "../session/store";
import { Interface, localeOf } from "../i18n/texts";
import { useStore } from "./useStore";

/** The interface's language and appearance, for all that stands in it. */
export function Frame({ settings, children }: { settings: Store<Settings>; children: ReactNode }) {
  const { theme, locale: chosen } = useStore(settings);
  const locale = localeOf(chosen, navigator.languages);
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    document.documentElement.lang = locale;
  }, [theme, locale]);
  return <Interface value={locale}>{children}</Interface>;
}
