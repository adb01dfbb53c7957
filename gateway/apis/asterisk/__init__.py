"""Asterisk's WebSocket channel (chan_websocket): a codec and a route."""
