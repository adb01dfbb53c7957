// Uses Soniox's own package against a gateway.
//
//   node e2e/sdk/soniox.mjs --url https://localhost:8443 --key KEY --wav FILE --pcm FILE
//
// FILE of --pcm contains 16 kHz mono 16-bit samples. Prints a JSON object with what each session returned.
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { SonioxNodeClient } from "@soniox/node";
import { WebSocket } from "ws";

// The package uses the WebSocket of Node.js 22.
globalThis.WebSocket ??= WebSocket;

const FRAME_BYTES = 3_200; // 100 ms
const { values: args } = parseArgs({
  options: { url: { type: "string" }, key: { type: "string" }, wav: { type: "string" }, pcm: { type: "string" } },
});
const address = `${args.url.replace("http", "ws")}/transcribe-websocket`;
const configuration = {
  model: "stt-rt-v5",
  audio_format: "pcm_s16le",
  sample_rate: 16_000,
  num_channels: 1,
  language_hints: ["en"],
  enable_endpoint_detection: true,
};

function session(key) {
  const client = new SonioxNodeClient({ api_key: key, realtime: { ws_base_url: address } });
  return client.realtime.stt(configuration);
}

async function live() {
  const connection = session(args.key);
  const [results, events] = [[], []];
  connection.on("result", (result) => results.push(result.tokens));
  for (const event of ["endpoint", "finalized", "finished"]) connection.on(event, () => events.push(event));
  await connection.connect();
  const pcm = await readFile(args.pcm);
  for (let at = 0; at < pcm.length; at += FRAME_BYTES) {
    connection.sendAudio(pcm.subarray(at, at + FRAME_BYTES));
    await delay(100);
  }
  connection.keepAlive();
  connection.finalize();
  await connection.finish();
  return { results, events };
}

async function refusal() {
  const connection = session("nova_wrong");
  const failed = new Promise((resolve) => connection.on("error", resolve));
  connection.connect().catch(() => undefined); // the error is an event, too
  const error = await failed;
  connection.close();
  return { name: error.name, status: error.statusCode };
}

process.stdout.write(JSON.stringify({ live: await live(), refused: await refusal() }));
