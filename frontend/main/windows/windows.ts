/** The main window, and the two little ones, which never take the focus. */
import { join } from "node:path";
import { BrowserWindow, screen, type BrowserWindowConstructorOptions, type Rectangle, type WebContents } from "electron";
import type { Little, OverlayPlace } from "../../src/desktop/bridge";
import { bubbleIn, dragged, overlayIn, seen } from "./bounds";
import type { Told } from "../ipc/channels";
import { ORIGIN } from "../pages/app-paths";

type Small = Exclude<Little, "stream">;

const LITTLE: BrowserWindowConstructorOptions = {
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
  readonly #little = new Map<Small, BrowserWindow>();
  readonly #state = new Map<Small, string>();
  #place: OverlayPlace = { isLocked: true, at: null };
  #main: BrowserWindow | null = null;
  /** Closing the main window hides it, until the program is to end. */
  isEnding = false;

  /** `folder`: where the preload and the icons are. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes the main window; it owns the session, so it lives as long as the program. */
  open(isShown: boolean): void {
    const window = this.#make("index.html", {
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
    if (isShown) window.once("ready-to-show", () => { window.show(); });
    this.#main = window;
  }

  /** The main window, in front. */
  present(): void {
    if (this.#main?.isMinimized() === true) this.#main.restore();
    this.#main?.show();
    this.#main?.focus();
  }

  isMain(contents: WebContents): boolean {
    return contents === this.#main?.webContents;
  }

  isOverlay(contents: WebContents): boolean {
    return contents === this.#little.get("overlay")?.webContents;
  }

  /** The main window; once it listens. */
  tell<W extends keyof Told>(what: W, value: Told[W]): void {
    const contents = this.#main?.webContents;
    if (contents?.isLoading() === true) contents.once("did-finish-load", () => { contents.send(what, value); });
    else contents?.send(what, value);
  }

  /** Null hides it. */
  show(little: Small, state: string | null): void {
    if (state === null) {
      this.#state.delete(little);
      this.#little.get(little)?.hide();
      return;
    }
    this.#state.set(little, state);
    const window = this.#little.get(little);
    if (window === undefined) {
      this.#openLittle(little);
      return;
    }
    window.webContents.send("show", state);
    if (!window.isVisible()) this.#reveal(little, window);
  }

  /** Where the overlay stands, and whether the pointer goes through it. */
  put(place: OverlayPlace): void {
    this.#place = place;
    const overlay = this.#little.get("overlay");
    if (overlay !== undefined) this.#putOverlay(overlay);
  }

  drag(step: Parameters<typeof dragged>[1]): void {
    const overlay = this.#little.get("overlay");
    if (overlay === undefined || this.#place.isLocked) return;
    overlay.setBounds(dragged(overlay.getBounds(), step));
  }

  /** Tells where the person has left the overlay. */
  dropped(): void {
    const overlay = this.#little.get("overlay");
    if (overlay === undefined || this.#place.isLocked) return;
    this.#place = { isLocked: false, at: overlay.getBounds() };
    overlay.webContents.send("moved", this.#place);
    this.tell("moved", this.#place);
  }

  #openLittle(little: Small): void {
    const window = this.#make(`${little}.html`, { ...LITTLE, ...this.#boundsOf(little) });
    window.setAlwaysOnTop(true, "screen-saver");
    window.setVisibleOnAllWorkspaces(true, { visibleOnFullScreen: true });
    window.setIgnoreMouseEvents(true, { forward: true });
    if (little === "overlay") this.#putOverlay(window);
    window.webContents.on("did-finish-load", () => {
      const state = this.#state.get(little);
      if (state === undefined) return;
      window.webContents.send("show", state);
      this.#reveal(little, window);
    });
    this.#little.set(little, window);
  }

  #reveal(little: Small, window: BrowserWindow): void {
    if (little === "bubble") window.setBounds(this.#boundsOf("bubble"));
    window.showInactive();
  }

  #putOverlay(window: BrowserWindow): void {
    window.setIgnoreMouseEvents(this.#place.isLocked, { forward: true });
    window.setBounds(this.#boundsOf("overlay"));
  }

  #boundsOf(little: Small): Rectangle {
    const { workArea } = screen.getDisplayNearestPoint(screen.getCursorScreenPoint());
    if (little === "bubble") return bubbleIn(workArea);
    const areas = screen.getAllDisplays().map((display) => display.workArea);
    return this.#place.at !== null && seen(this.#place.at, areas) ? this.#place.at : overlayIn(workArea);
  }

  #make(page: string, options: BrowserWindowConstructorOptions): BrowserWindow {
    const window = new BrowserWindow({
      ...options,
      webPreferences: {
        preload: join(this.#folder, "preload.cjs"),
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        spellcheck: false,
        // A session goes on while its window is hidden, and begins by a shortcut, without a click.
        backgroundThrottling: false,
        autoplayPolicy: "no-user-gesture-required",
      },
    });
    void window.loadURL(`${ORIGIN}/${page}`);
    return window;
  }
}
