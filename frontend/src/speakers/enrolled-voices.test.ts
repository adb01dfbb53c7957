import { afterEach, expect, test, vi } from "vitest";
import { parseVoices, readEnrolledVoices } from "./enrolled-voices";

afterEach(() => vi.unstubAllGlobals());

const answers = (status: number, body: string) => {
  const requests: [string, string | null][] = [];
  vi.stubGlobal("fetch", (url: URL, options: RequestInit) => {
    requests.push([url.href, new Headers(options.headers).get("Authorization")]);
    return Promise.resolve(new Response(body, { status }));
  });
  return requests;
};

test("the names are listed with the key of the page", async () => {
  const requests = answers(200, '[{"name":"Anna","samples":3},{"name":"Ben"}]');
  expect(await readEnrolledVoices("wss://nova.example/v1/stream", "secret")).toEqual(["Anna", "Ben"]);
  expect(await readEnrolledVoices("ws://localhost:8080/v1/stream", "")).toEqual(["Anna", "Ben"]);
  expect(requests).toEqual([
    ["https://nova.example/v1/speakers", "Bearer secret"],
    ["http://localhost:8080/v1/speakers", null],
  ]);
});

test.each([
  [401, '{"type":"error","code":"unauthorized"}'],
  [404, "Not Found"],
  [200, "<!doctype html>"],
])("a server that answers %i %j has no voices", async (status, body) => {
  answers(status, body);
  expect(await readEnrolledVoices("ws://localhost:8080/v1/stream", "")).toEqual([]);
});

test("other forms have no names", () => {
  for (const body of [null, {}, [null, 1, "Anna", { name: "" }, { name: 5 }]]) expect(parseVoices(body)).toEqual([]);
});
