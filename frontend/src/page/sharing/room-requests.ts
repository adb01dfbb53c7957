/** Requests about rooms, which the page sends itself and the desktop client by its shell. */
import type { Problem } from "../../../client/src/protocol/problems";

export interface RoomRequest {
  readonly method: "POST" | "DELETE";
  /** After `/v1/`. */
  readonly path: string;
}

export interface RoomAnswer {
  readonly body: string;
  /** Why there is none. */
  readonly problem: Problem | null;
}

export type SendRoomRequest = (request: RoomRequest) => Promise<RoomAnswer>;
