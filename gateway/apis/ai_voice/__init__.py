"""The protocol of the streaming-STT module, on `ai.voice.*`: a codec, a WebSocket, and sessions over Redis and NATS."""
