/**
 * Adapts the API of current Electron to Electron 9. Tests run the shell on Electron 9, because it is the only version
 * that a package registry carries with its binary. The shell itself does not depend on this.
 */
import { createRequire } from "node:module";
import type * as Electron from "electron";

type Old = typeof Electron & {
  protocol: {
    registerBufferProtocol: (
      scheme: string,
      serve: (
        request: { url: string },
        answer: (reply: { statusCode: number; headers: object; data: Buffer }) => void,
      ) => void,
    ) => boolean;
  };
};

class FakeResponse {
  readonly data: Buffer;
  readonly status: number;
  readonly headers: Record<string, string>;

  constructor(body: Uint8Array | string, options: { status?: number; headers?: Record<string, string> } = {}) {
    this.data = Buffer.from(body as string);
    this.status = options.status ?? 200;
    this.headers = options.headers ?? {};
  }
}

const real = createRequire(__filename)("electron") as Old;

Object.assign(globalThis, { Response: FakeResponse });
Object.hasOwn = (object: object, name: PropertyKey) => Object.prototype.hasOwnProperty.call(object, name);
URL.canParse = (url: string | URL) => {
  try {
    return Boolean(new URL(url));
  } catch {
    return false;
  }
};

real.protocol.handle = (scheme, serve) => {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- not deprecated in Electron 9
  real.protocol.registerBufferProtocol(scheme, (request, answer) => {
    void Promise.resolve(serve(request as unknown as Request)).then((reply) => {
      const { status, headers, data } = reply as unknown as FakeResponse;
      answer({ statusCode: status, headers, data });
    });
  });
};

real.app.on("web-contents-created", (_, contents) => {
  contents.setWindowOpenHandler = (decide) => {
    contents.on(
      "new-window" as "destroyed",
      ((event: Electron.Event, url: string) => {
        event.preventDefault();
        decide({ url } as Electron.HandlerDetails);
      }) as () => void,
    );
  };
});

real.app.on("session-created", (session) => {
  session.setDisplayMediaRequestHandler = () => undefined;
});

/** Adds `senderFrame`, which Electron 9 lacks. An event may arrive before the URL of its page is known. */
const withSenderFrame = async (event: Electron.IpcMainEvent) => {
  while (event.sender.getURL() === "") await new Promise((resolve) => setTimeout(resolve, 5));
  return Object.defineProperty(event, "senderFrame", { value: { url: event.sender.getURL() }, configurable: true });
};

export const { app, BrowserWindow, clipboard, desktopCapturer, globalShortcut, Menu, nativeImage, protocol } = real;
export const { net, screen, session, shell, systemPreferences, Tray } = real;

export const ipcMain = {
  handle: (name: string, give: (event: Electron.IpcMainEvent, ...given: unknown[]) => unknown) => {
    real.ipcMain.handle(name, async (event, ...given: unknown[]) =>
      give(await withSenderFrame(event as unknown as Electron.IpcMainEvent), ...given),
    );
  },
  on: (name: string, handler: (event: Electron.IpcMainEvent, ...given: unknown[]) => void) => {
    real.ipcMain.on(name, (event, ...given: unknown[]) => {
      void withSenderFrame(event).then((whole) => {
        handler(whole, ...given);
      });
    });
  },
};

/** Electron 9 has no access to the system keychain. */
export const safeStorage = { isEncryptionAvailable: () => false };
