import { expect, test } from "vitest";
import { originFor } from "./request-origin";

test("requests have the origin of the server's own pages", () => {
  expect(originFor("wss://voice.example/v1/stream")).toBe("https://voice.example");
  expect(originFor("ws://127.0.0.1:8080/v1/stream")).toBe("http://127.0.0.1:8080");
});
