import { useEffect, type ReactNode } from "react";
import type { Settings } from "../settings/settings";
import type { Store } from "../session/store";
import { LocaleContext, chooseLocale, directionOf } from "../i18n/texts";
import { useStore } from "./useStore";

/** Applies the interface language and the theme to its children. */
export function Appearance({ settings, children }: { settings: Store<Settings>; children: ReactNode }) {
  const { theme, textSize, locale: chosen } = useStore(settings);
  const locale = chooseLocale(chosen, navigator.languages);
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    document.documentElement.lang = locale;
    document.documentElement.dir = directionOf(locale);
    document.documentElement.style.setProperty("--text-size", String(textSize / 100));
  }, [theme, locale, textSize]);
  return <LocaleContext value={locale}>{children}</LocaleContext>;
}
