"""The protocols of clients, by which metrics, traces and logs distinguish connections."""

from typing import Literal, get_args

# Values of a label, so they are few and fixed. "openai" and "deepgram" use HTTP, "native" uses both,
# "audiosocket" and "wyoming" use TCP, and the others use WebSockets. "ai_voice" also uses message buses.
ProtocolName = Literal[
    "native",
    "openai",
    "openai_realtime",
    "deepgram",
    "deepgram_live",
    "deepgram_flux",
    "soniox",
    "twilio",
    "asterisk",
    "aeap",
    "freeswitch",
    "audiosocket",
    "wyoming",
    "original",
    "kyutai",
    "ai_voice",
]
PROTOCOLS: tuple[ProtocolName, ...] = get_args(ProtocolName)
