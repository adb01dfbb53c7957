"""The parts that the examples of the pages leave to the reader, such as the audio."""

READ_PCM = 'import wave\n\nwith wave.open("{name}") as wav:\n    pcm = wav.readframes(wav.getnframes())\n'
PYTHON_PCM = READ_PCM.format(name="speech.wav")

# The packages of the frontend contain `ws`, which Node.js 20 needs.
JS_CONNECT = 'import { connect } from "nova-voice";\n'
JS_CLIENT = f'{JS_CONNECT}const client = await connect("ws://127.0.0.1:8080", {{ language: "en" }});\n'
JS_PCM = 'const pcm = (await import("node:fs")).readFileSync("speech.pcm");\n'
JS_SEND_FIRST = {"for await": "client.send(pcm);\nclient.stop();\nfor await"}

# Live audio: blocks at twice the speed of speech, and then silence that ends the utterance.
PYTHON_BLOCKS_24K = f"""
from contextlib import suppress

{READ_PCM.format(name="speech-24k.wav")}
async def blocks():
    for start in range(0, len(pcm), 4_800):
        yield pcm[start : start + 4_800]
        await asyncio.sleep(0.05)
    asyncio.get_running_loop().call_later(3, running.cancel)


running = asyncio.ensure_future(transcribe(blocks()))
with suppress(asyncio.CancelledError):
    await running
"""
AUDIO_INPUT = (
    'audio_input = {"transcription": {"model": "gpt-4o-transcribe"}, "turn_detection": {"type": "server_vad"}}\n'
)
JS_BLOCKS_24K = """
const pcm = fs.readFileSync("speech-24k.wav").subarray(44);
socket.on("message", (data) => JSON.parse(data).type.endsWith("transcription.completed") && socket.close());
socket.on("open", async () => {
  for (let at = 0; at < pcm.length; at += 4_800) {
    send({ type: "input_audio_buffer.append", audio: pcm.subarray(at, at + 4_800).toString("base64") });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});
"""
JS_BLOCKS_24K = 'import fs from "node:fs";\n' + JS_BLOCKS_24K

DEEPGRAM_SPEAKER = f"""
import threading, time

{PYTHON_PCM}

def speak(connection):
    for start in range(0, len(pcm), 3_200):
        connection.send_media(pcm[start : start + 3_200])
        time.sleep(0.05)
    connection.send_close_stream()

"""
DEEPGRAM_THREAD = {
    "# In another thread, for each block of audio: connection.send_media(block)": (
        "threading.Thread(target=speak, args=(connection,)).start()"
    )
}
DEEPGRAM_BLOCKS = """
const pcm = fs.readFileSync("speech.pcm");
for (let at = 0; at < pcm.length; at += 3_200) {
  connection.sendMedia(pcm.subarray(at, at + 3_200));
  await new Promise((resolve) => setTimeout(resolve, 50));
}
connection.sendCloseStream({ type: "CloseStream" });
"""
