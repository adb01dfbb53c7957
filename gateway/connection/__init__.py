"""WebSocket connections: handshake, transport, and the execution of a session's actions."""
