"""What benchmarks share: audio, reference decoders, load and result files."""
