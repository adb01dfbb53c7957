/** The main window, and the overlay windows, which never take the focus. */
import { join } from "node:path";
import {
  BrowserWindow,
  screen,
  type BrowserWindowConstructorOptions,
  type Rectangle,
  type WebContents,
} from "electron";
import type { OverlayTarget, OverlayPlacement } from "../../src/desktop/bridge";
import { bubbleBounds, dragBounds, overlayBounds, isVisible } from "./bounds";
import type { WindowEvents } from "../ipc/channels";
import type { DragStep } from "../ipc/validation";
import { ORIGIN } from "../pages/app-paths";

type OverlayName = Exclude<OverlayTarget, "stream">;

const OVERLAY_WINDOW: BrowserWindowConstructorOptions = {
  show: false,
  frame: false,
  transparent: true,
  backgroundColor: "#00000000",
  hasShadow: false,
  skipTaskbar: true,
  focusable: false,
  resizable: false,
  minimizable: false,
  maximizable: false,
  fullscreenable: false,
  alwaysOnTop: true,
};

export class Windows {
  readonly #folder: string;
  readonly #overlays = new Map<OverlayName, BrowserWindow>();
  readonly #contents = new Map<OverlayName, string>();
  #placement: OverlayPlacement = { isLocked: true, at: null };
  #main: BrowserWindow | null = null;
  /** Closing the main window only hides it, until this is set. */
  isEnding = false;

  /** @param folder Contains the preload script and the icons. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Creates the main window. It owns the session, so it exists as long as the program runs. */
  open(isShown: boolean): void {
    const window = this.#create("index.html", {
      width: 1080,
      height: 760,
      minWidth: 420,
      minHeight: 480,
      show: false,
      title: "Nova Voice",
      icon: join(this.#folder, "app.png"),
      autoHideMenuBar: true,
    });
    window.on("close", (event) => {
      if (this.isEnding) return;
      event.preventDefault();
      window.hide();
    });
    if (isShown) window.once("ready-to-show", () => window.show());
    this.#main = window;
  }

  /** Shows the main window in front. */
  present(): void {
    if (this.#main?.isMinimized() === true) this.#main.restore();
    this.#main?.show();
    this.#main?.focus();
  }

  isMain(contents: WebContents): boolean {
    return contents === this.#main?.webContents;
  }

  isOverlay(contents: WebContents): boolean {
    return contents === this.#overlays.get("overlay")?.webContents;
  }

  /** Sends an event to the main window, after it has loaded. */
  send<W extends keyof WindowEvents>(event: W, value: WindowEvents[W]): void {
    const contents = this.#main?.webContents;
    if (contents?.isLoading() === true) contents.once("did-finish-load", () => contents.send(event, value));
    else contents?.send(event, value);
  }

  /** @param content JSON; null hides the window. */
  show(name: OverlayName, content: string | null): void {
    if (content === null) {
      this.#contents.delete(name);
      this.#overlays.get(name)?.hide();
      return;
    }
    this.#contents.set(name, content);
    const window = this.#overlays.get(name);
    if (window === undefined) {
      this.#openOverlay(name);
      return;
    }
    window.webContents.send("overlayContent", content);
    if (!window.isVisible()) this.#reveal(name, window);
  }

  placeOverlay(placement: OverlayPlacement): void {
    this.#placement = placement;
    const overlay = this.#overlays.get("overlay");
    if (overlay !== undefined) this.#applyPlacement(overlay);
  }

  drag(step: DragStep): void {
    const overlay = this.#overlays.get("overlay");
    if (overlay === undefined || this.#placement.isLocked) return;
    overlay.setBounds(dragBounds(overlay.getBounds(), step));
  }

  /** Reports where the user has left the overlay. */
  endDrag(): void {
    const overlay = this.#overlays.get("overlay");
    if (overlay === undefined || this.#placement.isLocked) return;
    this.#placement = { isLocked: false, at: overlay.getBounds() };
    overlay.webContents.send("overlayMoved", this.#placement);
    this.send("overlayMoved", this.#placement);
  }

  #openOverlay(name: OverlayName): void {
    const window = this.#create(`${name}.html`, { ...OVERLAY_WINDOW, ...this.#boundsOf(name) });
    window.setAlwaysOnTop(true, "screen-saver");
    window.setVisibleOnAllWorkspaces(true, { visibleOnFullScreen: true });
    window.setIgnoreMouseEvents(true, { forward: true });
    if (name === "overlay") this.#applyPlacement(window);
    window.webContents.on("did-finish-load", () => {
      const content = this.#contents.get(name);
      if (content === undefined) return;
      window.webContents.send("overlayContent", content);
      this.#reveal(name, window);
    });
    this.#overlays.set(name, window);
  }

  #reveal(name: OverlayName, window: BrowserWindow): void {
    if (name === "bubble") window.setBounds(this.#boundsOf("bubble"));
    window.showInactive();
  }

  #applyPlacement(window: BrowserWindow): void {
    window.setIgnoreMouseEvents(this.#placement.isLocked, { forward: true });
    window.setBounds(this.#boundsOf("overlay"));
  }

  #boundsOf(name: OverlayName): Rectangle {
    const { workArea } = screen.getDisplayNearestPoint(screen.getCursorScreenPoint());
    if (name === "bubble") return bubbleBounds(workArea);
    const areas = screen.getAllDisplays().map((display) => display.workArea);
    return this.#placement.at !== null && isVisible(this.#placement.at, areas)
      ? this.#placement.at
      : overlayBounds(workArea);
  }

  #create(page: string, options: BrowserWindowConstructorOptions): BrowserWindow {
    const window = new BrowserWindow({
      ...options,
      webPreferences: {
        preload: join(this.#folder, "preload.cjs"),
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        spellcheck: false,
        // A session continues while its window is hidden, and may start by a shortcut, without a click in the page.
        backgroundThrottling: false,
        autoplayPolicy: "no-user-gesture-required",
      },
    });
    void window.loadURL(`${ORIGIN}/${page}`);
    return window;
  }
}
