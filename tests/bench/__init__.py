"""Benchmarks: latency, throughput, cost and accuracy, each runnable with `python -m`."""
