"""Models in ONNX format that sherpa-onnx runs: Parakeet, Zipformer, Canary, SenseVoice, Moonshine and others."""
