import { useEffect, type ReactNode } from "react";
import type { Settings } from "../settings/settings";
import type { Store } from "../session/store";
import { LocaleContext, chooseLocale } from "../i18n/texts";
import { useStore } from "./useStore";

/** Applies the interface language and the theme to its children. */
export function Appearance({ settings, children }: { settings: Store<Settings>; children: ReactNode }) {
  const { theme, locale: chosen } = useStore(settings);
  const locale = chooseLocale(chosen, navigator.languages);
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    document.documentElement.lang = locale;
  }, [theme, locale]);
  return <LocaleContext value={locale}>{children}</LocaleContext>;
}
