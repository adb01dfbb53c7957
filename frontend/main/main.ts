/** Nova Voice on the desktop: joins the windows to what the computer can do. */
import { join } from "node:path";
import { app, globalShortcut, session, type Tray } from "electron";
import type { ShellSettings, Surroundings, Wish } from "../src/desktop/bridge";
import { streamAddress } from "../client/src/address";
import { answer, hear, sources } from "./ipc/ipc";
import { Captions } from "./server/captions-server";
import { isDrag, isKey, isLittle, isSettings, isState, isText } from "./ipc/validation";
import { HIDDEN, wishOf } from "./system/command-line";
import { Keychain } from "./storage/keychain";
import { openAtLogin } from "./system/autostart";
import { announceScheme, servePages } from "./pages/app-protocol";
import { confine, grant, introduce, openOutside } from "./pages/permissions";
import { LocalServer, novaCommand } from "./server/local-server";
import { Settings } from "./storage/settings-file";
import { Shortcuts } from "./shortcuts/shortcuts";
import { showTray } from "./windows/tray";
import { displayOf } from "./keyboard/injection-method";
import { Computer } from "./keyboard/system-keyboards";
import { Typist } from "./keyboard/text-typer";
import { Windows } from "./windows/windows";
import { wordsFor, type Words } from "./i18n/texts";

const PAGES = join(__dirname, "..", "dist");

class Desktop {
  readonly #words: Words = wordsFor(app.getLocale());
  readonly #windows = new Windows(__dirname);
  readonly #settings = new Settings(join(app.getPath("userData"), "settings.json"));
  readonly #keychain = new Keychain(join(app.getPath("userData"), "key.json"), this.#words);
  readonly #captions = new Captions(PAGES, join(app.getPath("userData"), "captions.json"));
  readonly #server = new LocalServer(this.#words, (state) => { this.#windows.tell("server", state); });
  readonly #isWayland = process.platform === "linux" && displayOf(process.env) === "wayland";
  readonly #computer: Computer;
  readonly #typist: Typist;
  readonly #shortcuts: Shortcuts;
  #tray: Tray | null = null;

  constructor(computer: Computer) {
    this.#computer = computer;
    this.#typist = new Typist(computer, this.#words);
    this.#shortcuts = new Shortcuts(this.#words, computer, (wish) => { this.wish(wish); });
  }

  async start(isHidden: boolean): Promise<void> {
    await this.#settings.read();
    this.#listen();
    if (this.#settings.now !== null) await this.#follow(this.#settings.now);
    this.#windows.open(!isHidden);
    this.#tray = showTray(__dirname, this.#words, (wish) => { this.wish(wish); }, () => { this.#windows.present(); });
  }

  /** What a person asked for, wherever: the window that owns the session does it. */
  wish(wish: Wish): void {
    if (wish === "quit") app.quit();
    if (wish === "settings") this.#windows.present();
    this.#windows.tell("wish", wish);
  }

  /** Started a second time: what that one was to do, or the window. */
  again(given: readonly string[]): void {
    const wish = wishOf(given);
    if (wish === null) this.#windows.present();
    else this.wish(wish);
  }

  async end(): Promise<void> {
    this.#windows.isEnding = true;
    globalShortcut.unregisterAll();
    this.#tray?.destroy();
    this.#computer.close();
    await Promise.allSettled([this.#captions.turn(false), this.#server.stop()]);
  }

  #listen(): void {
    const isMain = ({ sender }: { sender: Electron.WebContents }) => this.#windows.isMain(sender);
    const isOverlay = ({ sender }: { sender: Electron.WebContents }) => this.#windows.isOverlay(sender);
    answer("surroundings", isMain, () => this.#surroundings());
    answer("keep", isMain, (given) => this.#keep(isSettings(given)));
    answer("keepKey", isMain, (given) => this.#keychain.keep(isKey(given)));
    answer("server", isMain, () => this.#whereTo());
    answer("type", isMain, (given) => this.#typist.type(isText(given)));
    answer("sources", isMain, sources);
    answer("captionsAddress", isMain, () => this.#captions.address());
    hear("show", isMain, (little, state) => { this.#show(isLittle(little), isState(state)); });
    hear("open", isMain, (url) => { openOutside(isText(url)); });
    hear("drag", isOverlay, (step) => { this.#windows.drag(isDrag(step)); });
    hear("dropped", isOverlay, () => { this.#windows.dropped(); });
  }

  async #surroundings(): Promise<Surroundings> {
    const { typing, problem } = this.#computer.choice;
    return {
      platform: this.#computer.platform,
      typing,
      typingProblem: problem === null ? "" : this.#words[problem],
      shortcutProblem: this.#shortcuts.problem,
      settings: this.#settings.now?.settings ?? "",
      hasKey: (await this.#keychain.read()) !== null,
      canServe: (await novaCommand()) !== null,
    };
  }

  async #keep(settings: ShellSettings): Promise<void> {
    const before = this.#settings.now;
    await this.#settings.keep(settings);
    if (before?.opensAtLogin !== settings.opensAtLogin) await openAtLogin(settings.opensAtLogin);
    await this.#follow(settings);
  }

  async #follow(settings: ShellSettings): Promise<void> {
    this.#windows.put(settings.overlay);
    await this.#shortcuts.set(settings, this.#isWayland);
    await this.#captions.turn(settings.servesCaptions);
    if (settings.place.kind !== "here") await this.#server.stop();
  }

  async #whereTo(): Promise<{ url: string; key: string | null }> {
    const place = this.#settings.now?.place;
    if (place === undefined) throw new Error(this.#words.noServerChosen);
    const written = place.kind === "here" ? await this.#server.url() : place.url;
    const url = streamAddress(written);
    if (url === null) throw new Error(`${this.#words.badAddress} ${written}`);
    return { url, key: place.kind === "here" ? null : await this.#keychain.read() };
  }

  #show(little: ReturnType<typeof isLittle>, state: string | null): void {
    if (little === "stream") this.#captions.show(state);
    else this.#windows.show(little, state);
  }
}

async function run(): Promise<void> {
  await app.whenReady();
  servePages(PAGES);
  for (const guard of [grant, introduce]) guard(session.defaultSession);
  const desktop = new Desktop(await Computer.here());
  app.on("second-instance", (_, given) => { desktop.again(given); });
  app.on("activate", () => { desktop.again([]); });
  app.on("window-all-closed", () => undefined);
  let isEnding = false;
  app.on("before-quit", (event) => {
    event.preventDefault();
    if (isEnding) return;
    isEnding = true;
    void desktop.end().then(() => { app.exit(0); });
  });
  await desktop.start(process.argv.includes(HIDDEN));
  if (wishOf(process.argv) !== null) desktop.again(process.argv);
}

announceScheme();
confine();
// Without it X11 gives no window that one can see through.
if (process.platform === "linux") app.commandLine.appendSwitch("enable-transparent-visuals");
if (app.requestSingleInstanceLock()) void run();
else app.quit();
