import { afterEach, expect, test, vi } from "vitest";
import { enrolVoice, judgedUtterances, listVoices, removeVoice } from "./voice-requests";

afterEach(() => vi.unstubAllGlobals());

function answers(status: number, body: unknown) {
  const requests: unknown[][] = [];
  vi.stubGlobal("fetch", (url: URL, { method, headers, body: sent }: RequestInit) => {
    requests.push([method, url.href, new Headers(headers).get("Authorization"), sent]);
    return Promise.resolve(new Response(status === 204 ? null : JSON.stringify(body), { status }));
  });
  return requests;
}

const server = { url: "wss://nova.example/v1/stream", key: "secret" };

test("voices are listed, enrolled and deleted with the key of the page", async () => {
  const wav = new Blob(["audio"]);
  const listed = answers(200, [{ name: "Anna", seconds: 9, expires: 5 }]);
  expect(await listVoices(server)).toEqual([{ name: "Anna", seconds: 9, expires: 5 }]);
  const enrolled = answers(201, { name: "Anna B", judged: [{ accepted: true }] });
  expect(await enrolVoice(server, "Anna B", "auto", wav)).toEqual([{ accepted: true }]);
  const removed = answers(204, null);
  await removeVoice({ ...server, key: "" }, "Anna ü?");
  expect([...listed, ...enrolled, ...removed]).toEqual([
    ["GET", "https://nova.example/v1/speakers", "Bearer secret", null],
    ["POST", "https://nova.example/v1/speakers?name=Anna+B&consent=true&language=auto", "Bearer secret", wav],
    ["DELETE", "https://nova.example/v1/speakers/Anna%20%C3%BC%3F", null, null],
  ]);
});

test("a refusal contains the code and how each utterance was judged", async () => {
  const judged = [{ accepted: false, reason: "too_short" }];
  answers(422, { type: "error", code: "enrolment_refused", message: "too few", judged });
  const refusal = await enrolVoice(server, "Anna", "en", new Blob()).catch((error: unknown) => error);
  expect(refusal).toMatchObject({ code: "enrolment_refused", message: "too few", body: { judged } });
  expect(judgedUtterances({ judged })).toEqual(judged);
  expect(judgedUtterances({ judged: "?" })).toEqual([]);
});

test("a server that is down, and a proxy without JSON, cannot be reached", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
  await expect(listVoices(server)).rejects.toMatchObject({ code: "connection_lost" });
  vi.stubGlobal("fetch", () => Promise.resolve(new Response("<html>", { status: 502 })));
  await expect(listVoices(server)).rejects.toMatchObject({ code: "connection_lost" });
});
