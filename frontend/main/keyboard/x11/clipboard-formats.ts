/** Asks the owner of an X selection for its formats. (ICCCM 2.0, sections 2.2 and 2.6.2: TARGETS) */
import type { Client, Display } from "x11";
import { delay } from "../../system/delay";

const ATOM_BYTES = 4;
const MAX_ATOMS = 1_000;
const MAX_POLLS = 20;
const POLL_INTERVAL_MS = 25;

export type Selection = "CLIPBOARD" | "PRIMARY";

/** Returns the names of the formats; none if the selection is empty, or its owner does not answer. */
export async function clipboardFormats({ client, screen }: Display, selection: Selection): Promise<readonly string[]> {
  const [from, targets, property] = await Promise.all(
    [selection, "TARGETS", "NOVA_TARGETS"].map((name) => atom(client, name)),
  );
  if (from === undefined || targets === undefined || property === undefined) return [];
  const window = client.AllocID();
  client.CreateWindow(window, screen[0]?.root ?? 0, 0, 0, 1, 1);
  try {
    client.ConvertSelection(window, from, targets, property, 0);
    for (let poll = 0; poll < MAX_POLLS; poll += 1) {
      const data = await read(client, window, property);
      if (data.length > 0) return await Promise.all(atomsIn(data).map((each) => nameOf(client, each)));
      await delay(POLL_INTERVAL_MS);
    }
    return [];
  } finally {
    client.DestroyWindow(window);
  }
}

const atom = (client: Client, name: string) =>
  new Promise<number>((resolve, reject) => {
    client.InternAtom(false, name, (error, found) => {
      if (error) reject(error);
      else resolve(found);
    });
  });

const nameOf = (client: Client, found: number) =>
  new Promise<string>((resolve, reject) => {
    client.GetAtomName(found, (error, name) => {
      if (error) reject(error);
      else resolve(name);
    });
  });

const read = (client: Client, window: number, property: number) =>
  new Promise<Buffer>((resolve, reject) => {
    client.GetProperty(0, window, property, 0, 0, MAX_ATOMS, (error, value) => {
      if (error) reject(error);
      else resolve(value.data);
    });
  });

function atomsIn(data: Buffer): readonly number[] {
  return Array.from({ length: Math.floor(data.length / ATOM_BYTES) }, (_, index) =>
    data.readUInt32LE(index * ATOM_BYTES),
  );
}
