/** Requests about rooms, which the page sends itself and the desktop client by its shell. */

export interface RoomServer {
  /** Of the WebSocket. */
  readonly url: string;
  readonly key: string;
}

export interface RoomRequest {
  readonly method: "POST" | "DELETE";
  /** After `/v1/`. */
  readonly path: string;
}

export interface RoomAnswer {
  readonly status: number;
  readonly body: string;
}

/** Rejects if the server does not answer. */
export type SendRoomRequest = (request: RoomRequest) => Promise<RoomAnswer>;
