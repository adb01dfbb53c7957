/** The names under which windows and shell speak to each other. */
import type { OverlayPlace, ServerState, Wish } from "../../src/desktop/bridge";

/** Questions, with their answers. */
export type Ask = "surroundings" | "keep" | "keepKey" | "server" | "type" | "sources" | "captionsAddress";
/** Messages, without. */
export type Say = "show" | "open" | "drag" | "dropped";
/** What a window is told. */
export interface Told {
  readonly server: ServerState;
  readonly wish: Wish;
  readonly show: string;
  readonly moved: OverlayPlace;
}
