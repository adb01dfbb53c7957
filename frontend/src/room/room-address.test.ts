import { expect, test } from "vitest";
import { parseRoomAddress, roomName, sharedAddress } from "./room-address";

test.each([
  ["/captions/talk", "", "", "talk", ""],
  ["/voice/captions/lecture-7", "?language=es&token=read_a1", "", "lecture-7", "read_a1"],
  ["/captions/talk", "?token=read_old", "#token=read_new", "talk", "read_new"],
  ["/captions/", "", "", "", ""],
  ["/captions/Talk", "?token=%3Cb%3E", "", "", ""],
])("the address %s%s%s is understood", (path, query, fragment, room, token) => {
  expect(parseRoomAddress(path, query, fragment)).toEqual({ room, token, isModerator: false });
});

test("a moderator has an address of its own", () => {
  const found = parseRoomAddress("/captions/talk", "?language=es&moderate=1", "#token=read_a1");
  expect(found).toEqual({ room: "talk", token: "read_a1", isModerator: true });
});

test("a shared address has the token where browsers do not send it", () => {
  const address = { room: "talk", token: "read_a1", isModerator: false };
  expect(sharedAddress("https://nova.example/", address)).toBe("https://nova.example/captions/talk#token=read_a1");
  expect(sharedAddress("https://nova.example/", { ...address, token: "" })).toBe("https://nova.example/captions/talk");
  expect(sharedAddress("https://nova.example/", { ...address, isModerator: true })).toBe(
    "https://nova.example/captions/talk?moderate=1#token=read_a1",
  );
});

test("names of rooms are valid, and each byte counts", () => {
  const bytes = Uint8Array.from({ length: 20 }, (_, index) => index * 13);
  expect(roomName(bytes)).toMatch(/^[a-z0-9]{20}$/);
  const names = bytes.map((_, index) => index).reduce((found, index) => found.add(roomName(bytes.with(index, 31))), new Set<string>());
  expect(names.size).toBe(20);
});
