"""Twilio Media Streams, which Telnyx and SignalWire also speak: a codec and a route."""
