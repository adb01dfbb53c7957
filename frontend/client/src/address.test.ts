import { expect, test } from "vitest";
import { streamUrl } from "./address.js";

test("an address may be a host, a host and port, or a URL", () => {
  expect(streamUrl("voice.example")).toBe("ws://voice.example/v1/stream");
  expect(streamUrl(" 10.0.0.7:9000 ")).toBe("ws://10.0.0.7:9000/v1/stream");
  expect(streamUrl("https://voice.example/nova/v1/stream")).toBe("wss://voice.example/nova/v1/stream");
  expect(streamUrl("HTTP://[::1]:8080/")).toBe("ws://[::1]:8080/v1/stream");
});

test("invalid addresses, and addresses with a password, are rejected", () => {
  for (const wrong of ["", "not an address", "file:///etc/passwd", "ws://", "http://me:secret@voice.example"]) {
    expect(streamUrl(wrong)).toBeNull();
  }
});
