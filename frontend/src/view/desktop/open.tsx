import type { ReactNode } from "react";
import type { ShellBridge } from "../../desktop/bridge";
import { createDesktop } from "../../desktop/desktop";
import { Appearance } from "../Appearance";
import { DesktopApp } from "./DesktopApp";
import "../styles/desktop.css";
import "../styles/settings.css";

/** Creates the content of the desktop client's main window. */
export async function openDesktop(shell: ShellBridge): Promise<ReactNode> {
  const desktop = await createDesktop(shell);
  return (
    <Appearance settings={desktop.session.settings}>
      <DesktopApp desktop={desktop} />
    </Appearance>
  );
}
