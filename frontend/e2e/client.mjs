// Transcribes a file with the client package (built by `npm run client`), in Node.js.
//
//   node e2e/client.mjs --url http://localhost:8080 --pcm FILE --language en [--translate-to es] [--channels 2]
//
// FILE contains 16 kHz 16-bit samples without a header. They are sent at four times the speed of speech. Prints a JSON
// object: events (all events in order), finals (texts received by a listener).
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import WebSocket from "ws";
import { connect } from "../client/dist/index.js";

const { values: args } = parseArgs({
  options: {
    url: { type: "string", default: "http://localhost:8080" },
    pcm: { type: "string" },
    language: { type: "string", default: "auto" },
    channels: { type: "string" },
    "translate-to": { type: "string", multiple: true, default: [] },
  },
});

const channels = args.channels === undefined ? undefined : Number(args.channels);
const frameBytes = 3_200 * (channels ?? 1); // 100 ms
const client = await connect(args.url, {
  language: args.language,
  translate_to: args["translate-to"],
  channels,
  channelOrder: "time",
  WebSocket,
});
const finals = [];
client.on("final", ({ text }) => finals.push(text));

async function speak() {
  const pcm = await readFile(args.pcm);
  for (let at = 0; at < pcm.length; at += frameBytes) {
    client.send(pcm.subarray(at, at + frameBytes));
    await delay(25);
  }
  await client.stop();
}

const spoken = speak();
const events = [];
for await (const event of client) events.push(event);
await spoken;
process.stdout.write(`${JSON.stringify({ events, finals })}\n`);
