/** Types for the part of the package `x11` (node-x11) that is used; it has none of its own. */
declare module "x11" {
  type Reply<T> = (error: Error | null | undefined, value: T) => void;

  export interface Client {
    GetKeyboardMapping: (first: number, count: number, reply: Reply<number[][]>) => void;
    ChangeKeyboardMapping: (first: number, width: number, keysyms: readonly number[]) => void;
    QueryKeymap: (reply: Reply<Uint8Array>) => void;
    QueryPointer: (window: number, reply: Reply<{ keyMask: number }>) => void;
    AllocID: () => number;
    InternAtom: (onlyIfExists: boolean, name: string, reply: Reply<number>) => void;
    GetAtomName: (atom: number, reply: Reply<string>) => void;
    CreateWindow: (window: number, parent: number, x: number, y: number, width: number, height: number) => void;
    DestroyWindow: (window: number) => void;
    ConvertSelection: (window: number, selection: number, target: number, property: number, time: number) => void;
    GetProperty: (
      remove: number,
      window: number,
      property: number,
      type: number,
      offset: number,
      most: number,
      reply: Reply<{ data: Buffer }>,
    ) => void;
    GetInputFocus: (reply: Reply<unknown>) => void;
    require: (extension: "xtest", reply: Reply<XTest>) => void;
    on: (event: "error" | "end", listener: (error?: Error) => void) => void;
    terminate: () => void;
  }

  export interface XTest {
    readonly KeyPress: number;
    readonly KeyRelease: number;
    FakeInput: (type: number, code: number, time: number, window: number, x: number, y: number) => void;
  }

  export interface Display {
    readonly client: Client;
    readonly min_keycode: number;
    readonly max_keycode: number;
    readonly screen: readonly { readonly root: number }[];
  }

  export function createClient(options: { display: string; shm: "off" }, done: Reply<Display>): unknown;
}
