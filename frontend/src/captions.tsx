/** The captions of a room: for an audience on a screen or a phone, and for browser sources of streaming programs. */
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createRoomPage } from "./room/room-page";
import { loadSettings } from "./settings/browser-storage";
import { Appearance } from "./view/Appearance";
import { RoomApp } from "./view/room/RoomApp";
import "./view/styles/page.css";
import "./view/styles/fields.css";
import "./view/styles/settings.css";
import "./view/styles/room.css";

const root = document.getElementById("root");
if (root === null) throw new Error("captions/index.html has no #root");
const page = createRoomPage(location);
createRoot(root).render(
  <StrictMode>
    <Appearance settings={loadSettings(location.host)}>
      <RoomApp page={page} />
    </Appearance>
  </StrictMode>,
);
