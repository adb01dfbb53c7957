"""Wyoming, the protocol of Home Assistant: a codec, and a TCP server."""
