// Uses OpenAI's own package against a gateway with TLS.
//
//   node e2e/sdk/openai.mjs --url https://localhost:8443 --key KEY --wav FILE --pcm FILE
//
// FILE of --pcm contains 24 kHz mono 16-bit samples. Prints a JSON object with what each call returned.
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";

const FRAME_BYTES = 4_800; // 100 ms
const TRANSCRIPTION = "conversation.item.input_audio_transcription";
const { values: args } = parseArgs({
  options: { url: { type: "string" }, key: { type: "string" }, wav: { type: "string" }, pcm: { type: "string" } },
});
const client = new OpenAI({ baseURL: `${args.url}/v1`, apiKey: args.key, maxRetries: 0 });
const recording = () => ({ file: createReadStream(args.wav), model: "whisper-1", language: "en" });

async function streamed() {
  const events = [];
  const stream = await client.audio.transcriptions.create({ ...recording(), model: "gpt-4o-transcribe", stream: true });
  for await (const event of stream) events.push(event);
  return events;
}

async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return { name: error.constructor.name, status: error.status, code: error.code };
  }
}

/** Transcribes the audio in a session. With `commits`, the client ends the item. */
async function realtime(commits) {
  const socket = new OpenAIRealtimeWS({ model: "gpt-4o-transcribe" }, client);
  const events = [];
  const completed = new Promise((resolve, reject) => {
    socket.on("event", (event) => {
      events.push(event);
      if (event.type === `${TRANSCRIPTION}.completed`) resolve();
    });
    socket.on("error", reject);
  });
  await new Promise((resolve) => socket.socket.on("open", resolve));
  const turns = commits ? null : { type: "server_vad", silence_duration_ms: 500 };
  const input = { transcription: { model: "gpt-4o-transcribe", language: "en" }, turn_detection: turns };
  socket.send({ type: "session.update", session: { type: "transcription", audio: { input } } });
  const pcm = await readFile(args.pcm);
  for (let at = 0; at < pcm.length; at += FRAME_BYTES) {
    const audio = pcm.subarray(at, at + FRAME_BYTES).toString("base64");
    socket.send({ type: "input_audio_buffer.append", audio });
    await delay(50);
  }
  if (commits) socket.send({ type: "input_audio_buffer.commit" });
  await completed;
  socket.close();
  return events;
}

const models = [];
for await (const model of client.models.list()) models.push(model.id);
const report = {
  models,
  text: (await client.audio.transcriptions.create(recording())).text,
  verbose: await client.audio.transcriptions.create({
    ...recording(),
    response_format: "verbose_json",
    timestamp_granularities: ["word", "segment"],
  }),
  subtitles: await client.audio.transcriptions.create({ ...recording(), response_format: "srt" }),
  stream: await streamed(),
  translation: (await client.audio.translations.create({ file: createReadStream(args.wav), model: "whisper-1" })).text,
  unknownModel: await refusal(() => client.audio.transcriptions.create({ ...recording(), model: "whisper-9" })),
  wrongKey: await refusal(() => new OpenAI({ baseURL: client.baseURL, apiKey: "x", maxRetries: 0 }).models.list()),
  turns: await realtime(false),
  commits: await realtime(true),
};
process.stdout.write(JSON.stringify(report));
