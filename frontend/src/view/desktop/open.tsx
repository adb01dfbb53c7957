import type { ReactNode } from "react";
import type { Bridge } from "../../desktop/bridge";
import { createDesk } from "../../desktop/desktop";
import { Frame } from "../Appearance";
import { DeskApp } from "./DesktopApp";
import "../styles/desktop.css";
import "../styles/settings.css";

/** The desktop client's main window. */
export async function openDesk(nova: Bridge): Promise<ReactNode> {
  const desk = await createDesk(nova);
  return (
    <Frame settings={desk.session.settings}>
      <DeskApp desk={desk} />
    </Frame>
  );
}
