import { useEffect } from "react";
import { useTexts } from "../../i18n/texts";
import type { RoomPage } from "../../room/room-page";
import { useStore } from "../useStore";
import { HoldField } from "./HoldField";
import { RoomCaptions } from "./RoomCaptions";
import { ViewOptionsPanel } from "./ViewOptionsPanel";

/** The captions of a room. A browser source of a streaming program shows nothing else, and no problems either. */
export function RoomApp({ page }: { page: RoomPage }) {
  const texts = useTexts().room;
  const { isTransparent, size } = useStore(page.options);
  useEffect(() => {
    document.documentElement.dataset.transparent = String(isTransparent);
    document.title = page.room === "" ? texts.title : `${texts.title}: ${page.room}`;
  }, [isTransparent, page.room, texts]);
  return (
    <div className="room" style={size === 0 ? {} : { fontSize: `${size}px` }}>
      {!isTransparent && (
        <header className="room-top">
          <h1>{texts.title}</h1>
          <RoomStatus page={page} />
          {page.moderation !== null && <HoldField moderation={page.moderation} />}
          <ViewOptionsPanel page={page} />
        </header>
      )}
      <RoomCaptions page={page} />
    </div>
  );
}

function RoomStatus({ page }: { page: RoomPage }) {
  const texts = useTexts().room.states;
  const state = useStore(page.state);
  const isEmpty = useStore(page.lines).length === 0;
  const shown = state === "open" && isEmpty ? "waiting" : state;
  return (
    <p className="room-status" role="status" data-testid="room-status" data-state={shown}>
      {shown === "open" ? "" : texts[shown]}
    </p>
  );
}
