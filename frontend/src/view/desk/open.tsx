import type { ReactNode } from "react";
import type { Bridge } from "../../core/bridge";
import { createDesk } from "../../desk/desk";
import { Frame } from "../Frame";
import { DeskApp } from "./DeskApp";
import "./desk.css";
import "./settings.css";

/** The desktop client's main window. */
export async function openDesk(nova: Bridge): Promise<ReactNode> {
  const desk = await createDesk(nova);
  return (
    <Frame settings={desk.session.settings}>
      <DeskApp desk={desk} />
    </Frame>
  );
}
