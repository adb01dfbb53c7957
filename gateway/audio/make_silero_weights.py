"""Extract Silero's arrays from an ONNX file: `python -m gateway.audio.make_silero_weights PATH_TO/silero_vad_v6.onnx`.

Only for development. Needs the package onnx; the services need only the resulting `silero_vad_v6.npz`. The file is
`faster_whisper/assets/silero_vad_v6.onnx` of the faster-whisper 1.2.1 wheel. Prints the digest for `silero.py`.
"""

import sys
from hashlib import sha256

import numpy as np
import onnx
from onnx import numpy_helper

from gateway.audio.silero import WEIGHTS


def main(source: str) -> None:
    """Write the arrays and print their digest."""
    initializers = onnx.load(source).graph.initializer
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in sorted(initializers, key=lambda one: one.name)}
    weights = {name: array for name, array in arrays.items() if array.dtype == np.float32}
    # numpy writes the entries of an .npz with a constant time stamp, so the same input gives the same digest.
    np.savez(WEIGHTS, allow_pickle=False, **weights)
    sys.stdout.write(f"{sha256(WEIGHTS.read_bytes()).hexdigest()}\n")


if __name__ == "__main__":
    main(sys.argv[1])
