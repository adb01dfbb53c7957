import type { Announcement } from "../../page/announcements";
import type { Store } from "../../session/store";
import { useStore } from "../useStore";

/** Invisible. Screen readers read what is added. */
export function Announcements({ announcements }: { announcements: Store<readonly Announcement[]> }) {
  return (
    <div className="visually-hidden" role="log" aria-live="polite" data-testid="announcements">
      {useStore(announcements).map(({ id, text, language }) => (
        <p key={id} lang={language}>
          {text}
        </p>
      ))}
    </div>
  );
}
