import { beforeEach, expect, test, vi } from "vitest";
import type { ServerAddress } from "../../server/requests";
import { sendRoomRequest } from "./room-links";
import { createSharing } from "./sharing";

const HOME = { url: "wss://nova.example/v1/stream", key: "secret" };
const settled = () => new Promise((resolve) => setTimeout(resolve));

/** Servers whose rooms belong to the key that created their first link. */
function servers() {
  const links = new Map<string, string>();
  let last = 0;
  vi.stubGlobal("fetch", (url: URL, { method, headers }: RequestInit) => {
    const key = new Headers(headers).get("Authorization") ?? "";
    if (method === "POST") {
      last += 1;
      links.set(`${url.origin}${url.pathname}/a${last} ${key}`, "");
      return Promise.resolve(new Response(JSON.stringify({ id: `a${last}`, token: "read_a1", expires: 2e9 })));
    }
    const isKnown = links.delete(`${url.origin}${url.pathname} ${key}`);
    const refusal = JSON.stringify({ code: "unknown_room", message: "there is no such room" });
    return Promise.resolve(isKnown ? new Response(null, { status: 204 }) : new Response(refusal, { status: 404 }));
  });
  return links;
}

async function shared() {
  const links = servers();
  const now: { server: ServerAddress } = { server: HOME };
  const open = () =>
    createSharing(
      (sent) => sendRoomRequest(now.server, sent),
      () => Promise.resolve(now.server),
      () => 1e12,
    );
  const sharing = open();
  sharing.start(60);
  await settled();
  return { sharing, links, now, open };
}

beforeEach(() => {
  const stored = new Map<string, string>();
  vi.stubGlobal("sessionStorage", {
    getItem: (name: string) => stored.get(name) ?? null,
    setItem: (name: string, value: string) => stored.set(name, value),
    removeItem: (name: string) => stored.delete(name),
  });
  return () => vi.unstubAllGlobals();
});

test("the links of readers and moderators are revoked", async () => {
  const { sharing, links } = await shared();
  sharing.addModerator();
  await settled();
  expect([links.size, sharing.share.get()?.moderator?.id]).toEqual([2, "a2"]);
  sharing.stop();
  await settled();
  expect([links.size, sharing.share.get(), sharing.problem.get()]).toEqual([0, null, null]);
});

test("a link that has expired needs no revoking", async () => {
  const { sharing, links } = await shared();
  links.clear();
  sharing.stop();
  await settled();
  expect([sharing.share.get(), sharing.problem.get()]).toEqual([null, null]);
});

test.each([
  { ...HOME, url: "wss://other.example/v1/stream" },
  { ...HOME, key: "another" },
  { ...HOME, key: "" },
])("with %o, the share stays and can be stopped later", async (other) => {
  const { sharing, links, now, open } = await shared();
  now.server = other;
  sharing.stop();
  await settled();
  expect(sharing.problem.get()).toMatchObject({ code: "share_elsewhere" });
  expect([links.size, sharing.share.get()?.base]).toEqual([1, "https://nova.example/"]);

  const reloaded = open();
  reloaded.stop();
  await settled();
  expect(reloaded.problem.get()).toMatchObject({ code: "share_elsewhere" });
  now.server = HOME;
  reloaded.stop();
  await settled();
  expect([links.size, reloaded.share.get(), reloaded.problem.get()]).toEqual([0, null, null]);
});

test("a link for moderators is created on no other server", async () => {
  const { sharing, links, now } = await shared();
  now.server = { ...HOME, url: "wss://other.example/v1/stream" };
  sharing.addModerator();
  await settled();
  expect([links.size, sharing.share.get()?.moderator]).toEqual([1, undefined]);
  expect(sharing.problem.get()).toMatchObject({ code: "share_elsewhere" });
});

test("the API key is not stored with the share", async () => {
  await shared();
  expect(sessionStorage.getItem("nova.share")).not.toContain("secret");
});
