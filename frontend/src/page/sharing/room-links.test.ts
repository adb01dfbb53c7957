import { afterEach, expect, test, vi } from "vitest";
import { createLink, revokeLink, sendRoomRequest } from "./room-links";
import type { RoomRequest } from "./room-requests";

afterEach(() => vi.unstubAllGlobals());

function answers(status: number, body: string) {
  const requests: (string | null)[][] = [];
  vi.stubGlobal("fetch", (url: URL, { method, headers }: RequestInit) => {
    requests.push([method ?? "", url.href, new Headers(headers).get("Authorization")]);
    return Promise.resolve(new Response(status === 204 ? null : body, { status }));
  });
  return requests;
}

const withKey = (key: string) => (request: RoomRequest) =>
  sendRoomRequest({ url: "wss://nova.example/v1/stream", key }, request);

test("a link is created with the key of the page, and revoked", async () => {
  const requests = answers(201, '{"id":"a1","token":"read_a1","expires":5}');
  expect(await createLink(withKey("secret"), "talk", 3_600, "moderate")).toMatchObject({ id: "a1", token: "read_a1" });
  expect(requests).toEqual([
    ["POST", "https://nova.example/v1/rooms/talk/links?name=page&expires_s=3600&scope=moderate", "Bearer secret"],
  ]);
  const revoked = answers(204, "");
  expect(await revokeLink(withKey(""), "talk", "a1")).toBe(true);
  expect(revoked).toEqual([["DELETE", "https://nova.example/v1/rooms/talk/links/a1", null]]);
});

test("a refusal has the code of the server", async () => {
  answers(401, '{"type":"error","code":"unauthorized","message":"a key is needed"}');
  const refused = createLink(withKey(""), "talk", 60, "read");
  await expect(refused).rejects.toMatchObject({ code: "unauthorized", message: "a key is needed" });
  answers(502, "<html>");
  await expect(revokeLink(withKey(""), "talk", "a1")).rejects.toMatchObject({ code: "connection_lost" });
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
  await expect(revokeLink(withKey(""), "talk", "a1")).rejects.toMatchObject({ code: "connection_lost" });
});

test.each(["unknown_link", "unknown_room"])("%s means that the server does not know the link", async (code) => {
  answers(404, JSON.stringify({ code, message: "" }));
  expect(await revokeLink(withKey(""), "talk", "a1")).toBe(false);
});
