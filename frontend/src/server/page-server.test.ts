import { expect, test } from "vitest";
import { pageServer } from "./page-server";

const at = (protocol: string, search: string) => pageServer({ protocol, host: "nova.example", search });

test.each([
  ["http:", "", "ws://nova.example/v1/stream"],
  ["https:", "", "wss://nova.example/v1/stream"],
  ["http:", "?server=localhost:8080", "ws://localhost:8080/v1/stream"],
  ["https:", "?server=other.example", "wss://other.example/v1/stream"],
  ["https:", "?server=ws://localhost:8080", "ws://localhost:8080/v1/stream"],
  ["http:", "?server=https://other.example/voice", "wss://other.example/voice"],
  ["http:", "?server=%20:::", "ws://nova.example/v1/stream"],
])("a page over %s with the query %s connects to %s", (protocol, search, url) => {
  expect(at(protocol, search).url).toBe(url);
});

test("a server on another host than the page is recognized", () => {
  expect(at("http:", "").isOtherHost).toBe(false);
  expect(at("http:", "?server=nova.example").isOtherHost).toBe(false);
  expect(at("http:", "?server=other.example")).toMatchObject({ isOtherHost: true, host: "other.example" });
});
