/** Entry point of the desktop client: connects the windows with the features of the operating system. */
import { join } from "node:path";
import { app, globalShortcut, session, type Tray } from "electron";
import { streamUrl } from "../client/src/address";
import type { DesktopEnvironment, OverlayTarget, ShellSettings, UserAction } from "../src/desktop/bridge";
import { textsFor, type ShellTexts } from "./i18n/texts";
import { handleMessage, handleRequest, listAudioSources } from "./ipc/ipc";
import { parseContent, parseDrag, parseKey, parseOverlayTarget, parseShellSettings, parseText } from "./ipc/validation";
import { displayOf } from "./keyboard/injection-method";
import { SystemKeyboards } from "./keyboard/system-keyboards";
import { TextTyper } from "./keyboard/text-typer";
import { registerAppScheme, servePages } from "./pages/app-protocol";
import { allowPermissions, openExternal, restrictNavigation, setRequestOrigin } from "./pages/permissions";
import { CaptionsServer } from "./server/captions-server";
import { findNova, LocalServer } from "./server/local-server";
import { readVoices } from "./server/voices";
import { Shortcuts } from "./shortcuts/shortcuts";
import { Keychain } from "./storage/keychain";
import { SettingsFile } from "./storage/settings-file";
import { setOpenAtLogin } from "./system/autostart";
import { actionFrom, HIDDEN } from "./system/command-line";
import { showTray } from "./windows/tray";
import { Windows } from "./windows/windows";

const PAGES = join(__dirname, "..", "dist");

class ShellApp {
  readonly #texts: ShellTexts = textsFor(app.getLocale());
  readonly #windows = new Windows(__dirname);
  readonly #settings = new SettingsFile(join(app.getPath("userData"), "settings.json"));
  readonly #keychain = new Keychain(join(app.getPath("userData"), "key.json"), this.#texts);
  readonly #captions = new CaptionsServer(PAGES, join(app.getPath("userData"), "captions.json"));
  readonly #server = new LocalServer(this.#texts, (state) => this.#windows.send("serverState", state));
  readonly #isWayland = process.platform === "linux" && displayOf(process.env) === "wayland";
  readonly #keyboards: SystemKeyboards;
  readonly #typer: TextTyper;
  readonly #shortcuts: Shortcuts;
  #tray: Tray | null = null;

  constructor(keyboards: SystemKeyboards) {
    this.#keyboards = keyboards;
    this.#typer = new TextTyper(keyboards, this.#texts);
    this.#shortcuts = new Shortcuts(this.#texts, keyboards, (action) => this.perform(action));
  }

  async start(isHidden: boolean): Promise<void> {
    await this.#settings.read();
    this.#handleIpc();
    if (this.#settings.current !== null) await this.#applySettings(this.#settings.current);
    this.#windows.open(!isHidden);
    this.#tray = showTray(
      __dirname,
      this.#texts,
      (action) => this.perform(action),
      () => this.#windows.present(),
    );
  }

  /** The main window owns the session, so most actions are performed there. */
  perform(action: UserAction): void {
    if (action === "quit") app.quit();
    if (action === "settings") this.#windows.present();
    this.#windows.send("userAction", action);
  }

  /** Performs what the command line of another start requests, or shows the main window. */
  secondInstance(args: readonly string[]): void {
    const action = actionFrom(args);
    if (action === null) this.#windows.present();
    else this.perform(action);
  }

  async stop(): Promise<void> {
    this.#windows.isEnding = true;
    globalShortcut.unregisterAll();
    this.#tray?.destroy();
    this.#keyboards.close();
    await Promise.allSettled([this.#captions.setEnabled(false), this.#server.stop()]);
  }

  #handleIpc(): void {
    const isMain = ({ sender }: { sender: Electron.WebContents }) => this.#windows.isMain(sender);
    const isOverlay = ({ sender }: { sender: Electron.WebContents }) => this.#windows.isOverlay(sender);
    handleRequest("environment", isMain, () => this.#environment());
    handleRequest("saveSettings", isMain, (settings) => this.#saveSettings(parseShellSettings(settings)));
    handleRequest("saveKey", isMain, (key) => this.#keychain.save(parseKey(key)));
    handleRequest("server", isMain, () => this.#serverAddress());
    handleRequest("typeText", isMain, (text) => this.#typer.type(parseText(text)));
    handleRequest("audioSources", isMain, listAudioSources);
    handleRequest("captionsAddress", isMain, () => this.#captions.address());
    handleRequest("voices", isMain, async () => readVoices(await this.#serverAddress()));
    handleMessage("showOverlay", isMain, (target, content) =>
      this.#showOverlay(parseOverlayTarget(target), parseContent(content)),
    );
    handleMessage("openExternal", isMain, (url) => openExternal(parseText(url)));
    handleMessage("drag", isOverlay, (step) => this.#windows.drag(parseDrag(step)));
    handleMessage("dragEnd", isOverlay, () => this.#windows.endDrag());
  }

  async #environment(): Promise<DesktopEnvironment> {
    const { typing, problem } = this.#keyboards.method;
    return {
      platform: this.#keyboards.platform,
      typingMethod: typing,
      typingProblem: problem === null ? "" : this.#texts[problem],
      shortcutProblem: this.#shortcuts.problem,
      settings: this.#settings.current?.settings ?? "",
      hasKey: (await this.#keychain.read()) !== null,
      canServe: (await findNova()) !== null,
    };
  }

  async #saveSettings(settings: ShellSettings): Promise<void> {
    const before = this.#settings.current;
    await this.#settings.save(settings);
    if (before?.opensAtLogin !== settings.opensAtLogin) await setOpenAtLogin(settings.opensAtLogin);
    await this.#applySettings(settings);
  }

  async #applySettings(settings: ShellSettings): Promise<void> {
    this.#windows.placeOverlay(settings.overlay);
    await this.#shortcuts.set(settings, this.#isWayland);
    await this.#captions.setEnabled(settings.servesCaptions);
    if (settings.place.kind !== "here") await this.#server.stop();
  }

  async #serverAddress(): Promise<{ url: string; key: string | null }> {
    const location = this.#settings.current?.place;
    if (location === undefined) throw new Error(this.#texts.noServerChosen);
    const isLocal = location.kind === "here";
    const address = isLocal ? await this.#server.url() : location.url;
    const url = streamUrl(address);
    if (url === null) throw new Error(`${this.#texts.badAddress} ${address}`);
    return { url, key: isLocal ? null : await this.#keychain.read() };
  }

  #showOverlay(target: OverlayTarget, content: string | null): void {
    if (target === "stream") this.#captions.show(content);
    else this.#windows.show(target, content);
  }
}

async function run(): Promise<void> {
  await app.whenReady();
  servePages(PAGES);
  allowPermissions(session.defaultSession);
  setRequestOrigin(session.defaultSession);
  const shellApp = new ShellApp(await SystemKeyboards.detect());
  app.on("second-instance", (_, args) => shellApp.secondInstance(args));
  app.on("activate", () => shellApp.secondInstance([]));
  app.on("window-all-closed", () => undefined);
  let isEnding = false;
  app.on("before-quit", (event) => {
    event.preventDefault();
    if (isEnding) return;
    isEnding = true;
    void shellApp.stop().then(() => app.exit(0));
  });
  await shellApp.start(process.argv.includes(HIDDEN));
  if (actionFrom(process.argv) !== null) shellApp.secondInstance(process.argv);
}

registerAppScheme();
restrictNavigation();
// Without this switch, transparent windows are opaque on X11.
if (process.platform === "linux") app.commandLine.appendSwitch("enable-transparent-visuals");
if (app.requestSingleInstanceLock()) void run();
else app.quit();
