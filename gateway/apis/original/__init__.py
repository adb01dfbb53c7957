"""The protocol of the first Nova Voice: messages, a codec, and a WebSocket port."""
