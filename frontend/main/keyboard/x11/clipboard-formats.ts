/** What the program that copied something offers it as, on an X server. (ICCCM 2.0, 2.2 and 2.6.2: TARGETS) */
import type { Client, Display } from "x11";
import { later } from "../../system/delay";

const ATOM_BYTES = 4;
const MOST_ATOMS = 1_000;
const LOOKS = 20;
const LOOK_EVERY_MS = 25;

export type Selection = "CLIPBOARD" | "PRIMARY";

/** Names of formats; none where nobody has copied anything, or its program does not answer. */
export async function offered({ client, screen }: Display, selection: Selection): Promise<readonly string[]> {
  const [from, targets, property] = await Promise.all([selection, "TARGETS", "NOVA_TARGETS"].map((name) => atom(client, name)));
  if (from === undefined || targets === undefined || property === undefined) return [];
  const window = client.AllocID();
  client.CreateWindow(window, screen[0]?.root ?? 0, 0, 0, 1, 1);
  try {
    client.ConvertSelection(window, from, targets, property, 0);
    for (let look = 0; look < LOOKS; look += 1) {
      const data = await read(client, window, property);
      if (data.length > 0) return await Promise.all(atomsIn(data).map((each) => nameOf(client, each)));
      await later(LOOK_EVERY_MS);
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
    client.GetProperty(0, window, property, 0, 0, MOST_ATOMS, (error, value) => {
      if (error) reject(error);
      else resolve(value.data);
    });
  });

function atomsIn(data: Buffer): readonly number[] {
  return Array.from({ length: Math.floor(data.length / ATOM_BYTES) }, (_, place) => data.readUInt32LE(place * ATOM_BYTES));
}
