import { expect, test } from "vitest";
import { serverAddress } from "./page-server";

const at = (protocol: string, search: string) => serverAddress({ protocol, host: "nova.example", search });

test.each([
  ["http:", "", "ws://nova.example/v1/stream"],
  ["https:", "", "wss://nova.example/v1/stream"],
  ["http:", "?server=localhost:8080", "ws://localhost:8080/v1/stream"],
  ["https:", "?server=other.example", "wss://other.example/v1/stream"],
  ["https:", "?server=ws://localhost:8080", "ws://localhost:8080/v1/stream"],
  ["http:", "?server=https://other.example/voice", "wss://other.example/voice"],
  ["http:", "?server=%20:::", "ws://nova.example/v1/stream"],
])("a page over %s with %s speaks to %s", (protocol, search, url) => {
  expect(at(protocol, search).url).toBe(url);
});

test("the reader is told when the sound goes to another host than the page's", () => {
  expect(at("http:", "").isElsewhere).toBe(false);
  expect(at("http:", "?server=nova.example").isElsewhere).toBe(false);
  expect(at("http:", "?server=other.example")).toMatchObject({ isElsewhere: true, host: "other.example" });
});
