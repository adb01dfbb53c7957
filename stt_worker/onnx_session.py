"""Opens the small ONNX models of workers: turns, voices and noise. The libraries of recognizers open their own."""

from pathlib import Path

import onnxruntime

from backend.errors import ModelError


def open_onnx(file: Path, shown: Path | None = None) -> onnxruntime.InferenceSession:
    """Load a model for the CPU, with one thread for each call. Calls from several threads are safe.

    Raises ModelError, which names `shown` or the file, if the model cannot be loaded.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has no base class for its errors
        raise ModelError(f"{shown or file} cannot be loaded: {error}") from error
