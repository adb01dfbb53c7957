"""Read a Whisper model in the format of the package transformers: config.json and *.safetensors."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from backend.errors import ModelError
from stt_worker.recognizers.pytorch.network import WhisperNetwork, WhisperShape


def load_network(directory: Path, device: torch.device, precision: torch.dtype) -> WhisperNetwork:
    """Load the weights onto a device. Raises ModelError if a file is missing, damaged or of another kind of model."""
    try:
        shape = _read_shape(directory)
        with torch.device("meta"):
            network = WhisperNetwork(shape)
        network.load_state_dict(_read_tensors(directory), assign=True)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"cannot load the Whisper model in {directory}: {reason}") from error
    placed: WhisperNetwork = network.to(device=device, dtype=precision).eval().requires_grad_(False)
    return placed


def _read_tensors(directory: Path) -> dict[str, Tensor]:
    tensors = {name: tensor for file in _weight_files(directory) for name, tensor in load_file(file).items()}
    # The output weights are those of the input, and some files repeat them.
    tensors.pop("proj_out.weight", None)
    return {name.removeprefix("model."): tensor for name, tensor in tensors.items()}


def _weight_files(directory: Path) -> list[Path]:
    """model.safetensors, or the parts of larger models, which an index names."""
    index = directory / "model.safetensors.index.json"
    if (directory / "model.safetensors").is_file() or not index.is_file():
        return [directory / "model.safetensors"]
    return sorted({directory / Path(name).name for name in _read_json(index)["weight_map"].values()})


def _read_shape(directory: Path) -> WhisperShape:
    config = _read_json(directory / "config.json")
    if config.get("model_type") != "whisper":
        raise ValueError(f"config.json is of the model type {config.get('model_type')!r}, not whisper")
    return WhisperShape(
        width=config["d_model"],
        heads=config["decoder_attention_heads"],
        encoder_layers=config["encoder_layers"],
        decoder_layers=config["decoder_layers"],
        mels=config["num_mel_bins"],
        vocabulary=config["vocab_size"],
        audio_positions=config["max_source_positions"],
        text_positions=config["max_target_positions"],
        alignment_heads=_alignment_heads(directory, config["decoder_layers"], config["decoder_attention_heads"]),
    )


def _alignment_heads(directory: Path, layers: int, heads: int) -> tuple[tuple[int, int], ...]:
    """Those that the model names, or all of the second half of the layers (as in openai-whisper)."""
    file = directory / "generation_config.json"
    named = _read_json(file).get("alignment_heads") if file.is_file() else None
    if named:
        return tuple((int(layer), int(head)) for layer, head in named)
    return tuple((layer, head) for layer in range(layers // 2, layers) for head in range(heads))


def _read_json(file: Path) -> dict[str, Any]:
    content = json.loads(file.read_bytes())
    if not isinstance(content, dict):
        raise ValueError(f"{file.name} is not a JSON object")
    return content
