// Uses Deepgram's own package against a gateway.
//
//   node e2e/sdk/deepgram.mjs --url https://localhost:8443 --key KEY --wav FILE --pcm FILE
//
// FILE of --pcm contains 16 kHz mono 16-bit samples. Prints a JSON object with what each call returned.
import { EventEmitter, once } from "node:events";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { DeepgramClient } from "@deepgram/sdk";

const FRAME_BYTES = 3_200; // 100 ms
const { values: args } = parseArgs({
  options: { url: { type: "string" }, key: { type: "string" }, wav: { type: "string" }, pcm: { type: "string" } },
});
const socket = args.url.replace("http", "ws");
const environment = { base: args.url, production: socket, agent: socket, agentRest: args.url };
const client = new DeepgramClient({ apiKey: args.key, environment, maxRetries: 0 });

async function live() {
  const connection = await client.listen.v1.connect({
    model: "nova-3",
    language: "en",
    encoding: "linear16",
    sample_rate: 16_000,
    interim_results: "true",
    vad_events: "true",
    utterance_end_ms: 1_000,
  });
  const messages = [];
  const seen = new EventEmitter();
  const [final, ended] = [once(seen, "final"), once(seen, "Metadata")];
  connection.on("message", (message) => {
    messages.push(message);
    seen.emit(message.is_final ? "final" : message.type);
  });
  connection.connect();
  await connection.waitForOpen();
  const pcm = await readFile(args.pcm);
  for (let at = 0; at < pcm.length; at += FRAME_BYTES) {
    connection.sendMedia(pcm.subarray(at, at + FRAME_BYTES));
    await delay(50);
  }
  await final;
  // The end of an utterance is decided while audio arrives.
  connection.sendMedia(new Uint8Array(10 * FRAME_BYTES));
  connection.sendKeepAlive({ type: "KeepAlive" });
  connection.sendFinalize({ type: "Finalize" });
  connection.sendCloseStream({ type: "CloseStream" });
  await ended;
  connection.close();
  return messages;
}

async function turns() {
  const connection = await client.listen.v2.connect({
    model: "flux-general-en",
    encoding: "linear16",
    sample_rate: 16_000,
    eager_eot_threshold: 0.4,
  });
  const messages = [];
  const seen = new EventEmitter();
  const ended = once(seen, "EndOfTurn");
  const closed = new Promise((resolve) => connection.on("close", resolve));
  connection.on("message", (message) => {
    messages.push(message);
    seen.emit(message.event ?? message.type);
  });
  connection.connect();
  await connection.waitForOpen();
  connection.sendConfigure({ type: "Configure", thresholds: { eot_timeout_ms: 3_000 } });
  const pcm = await readFile(args.pcm);
  for (let at = 0; at < pcm.length; at += FRAME_BYTES) {
    connection.sendMedia(pcm.subarray(at, at + FRAME_BYTES));
    await delay(100);
  }
  await ended;
  connection.sendCloseStream({ type: "CloseStream" });
  await closed;
  return messages;
}

async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return { status: error.statusCode, code: error.body?.err_code };
  }
}

const options = { model: "nova-3", language: "en", utterances: true };
const report = {
  recording: await client.listen.v1.media.transcribeFile(createReadStream(args.wav), options),
  refused: await refusal(() => client.listen.v1.media.transcribeFile(createReadStream(args.wav), { redact: "pci" })),
  live: await live(),
  turns: await turns(),
};
process.stdout.write(JSON.stringify(report));
