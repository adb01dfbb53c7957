"""Shared parts of the benchmarks: audio, reference decoders, load and result files."""
