/** The page of one room: its captions, the connections to it, and how they are shown. */
import { createStore, type Store } from "../session/store";
import { applyCaption, type CaptionLine } from "./caption-lines";
import { followRoom } from "./feed";
import { worstState, type FeedState } from "./feed-state";
import { createModeration, type Moderation } from "./moderation";
import { parseRoomAddress } from "./room-address";
import { formatViewOptions, parseViewOptions, type ViewOptions } from "./view-options";

export interface RoomPage {
  /** "" if the address has none. */
  readonly room: string;
  readonly options: Store<ViewOptions>;
  readonly lines: Store<readonly CaptionLine[]>;
  readonly state: Store<FeedState>;
  /** Null for readers. */
  readonly moderation: Moderation | null;
  /** Also changes the address, so that it can be shared or kept as a bookmark. */
  readonly change: (changes: Partial<ViewOptions>) => void;
}

// As many earlier lines as fill a screen.
const EARLIER_LINES = 30;

export function createRoomPage(location: Location): RoomPage {
  const { room, token, isModerator } = parseRoomAddress(location.pathname, location.search, location.hash);
  const parameters = new URLSearchParams(location.search);
  const options = createStore(parseViewOptions((name) => parameters.get(name)));
  const lines = createStore<readonly CaptionLine[]>([]);
  const state = createStore<FeedState>(room === "" ? "unknown_room" : "connecting");
  const base = new URL(`../v1/rooms/${room}`, location.href).href;
  const moderation = isModerator && room !== "" ? createModeration(base, token) : null;
  let leave: () => void = () => undefined;

  function follow(languages: readonly string[]): void {
    leave();
    const states: FeedState[] = languages.map(() => "connecting");
    lines.set([]);
    const leaves = languages.map((language, column) =>
      followRoom(
        { url: `${base}/events`, token, language, lines: EARLIER_LINES, seesHeld: isModerator },
        {
          onState: (next) => {
            states[column] = next;
            state.set(worstState(states));
          },
          onCaption: (caption) => lines.update((before) => applyCaption(before, caption, column, languages.length)),
        },
      ),
    );
    leave = () => leaves.forEach((leaveOne) => leaveOne());
  }

  function change(changes: Partial<ViewOptions>): void {
    const before = options.get();
    options.set({ ...before, ...changes });
    history.replaceState(null, "", addressWith(location, options.get()));
    if (room !== "" && options.get().languages.join() !== before.languages.join()) follow(options.get().languages);
  }

  if (room !== "") follow(options.get().languages);
  return { room, options, lines, state, moderation, change };
}

/** Keeps parameters of others, such as the token of a link. */
function addressWith(location: Location, options: ViewOptions): string {
  const parameters = new URLSearchParams(location.search);
  for (const name of ["language", "transparent", "size", "lines"]) parameters.delete(name);
  for (const [name, value] of formatViewOptions(options)) parameters.set(name, value);
  const query = parameters.toString().replaceAll("%2C", ",");
  return `${location.pathname}${query === "" ? "" : `?${query}`}${location.hash}`;
}
