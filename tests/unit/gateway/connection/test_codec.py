"""Text frames that are too long to parse while others wait."""

import json
from datetime import UTC, datetime

import pytest

from backend.errors import ProtocolError
from backend.messages.options import MAX_PLAYING, MAX_PROMPT, MAX_TEXT_FRAME
from backend.messages.protocol import Configure
from gateway.apis.deepgram.flux_codec import FluxCodec
from gateway.apis.deepgram.flux_parameters import FluxParameters
from gateway.apis.deepgram.live_codec import LiveCodec
from gateway.apis.deepgram.parameters import ListenParameters
from gateway.apis.soniox.codec import SonioxCodec
from gateway.connection.codec import Codec, NativeCodec

CODECS: list[Codec] = [
    NativeCodec(),
    LiveCodec(ListenParameters.parse({}), "request", datetime(2026, 11, 29, tzinfo=UTC)),
    FluxCodec(FluxParameters.parse({"model": ["flux-general-en"]}), "request"),
    SonioxCodec(),
]


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: type(codec).__name__)
def test_a_text_frame_that_is_too_long_is_not_parsed(codec: Codec) -> None:
    codec.open()
    for frame in ("[" * (MAX_TEXT_FRAME + 1), '{"type":"x","x":[' + "[]," * 300_000 + "[]]}"):
        with pytest.raises(ProtocolError) as refused:
            codec.decode(frame)
        assert (refused.value.code, refused.value.close_code, refused.value.fatal) == ("frame_too_large", 1009, True)


def test_the_longest_options_fit_into_a_text_frame() -> None:
    longest = {"playing": "說" * MAX_PLAYING, "prompt": "說" * MAX_PROMPT}
    frame = json.dumps({"type": "configure", **longest})
    assert NativeCodec().decode(frame) == (Configure(**longest),)
