"""WebSocket connections: handshake, transport, and the shell that executes what the session core decides."""
