"""Run WhisperLive's server, as its program run_server.py does, which its package does not contain.

`python whisper_live_server.py PORT MODEL SESSIONS` needs whisper-live and nothing of this project. OMP_NUM_THREADS in
the environment is the number of CPU threads of a decoding.
"""

import sys

from whisper_live.server import TranscriptionServer  # type: ignore[import-not-found]

# Seconds; the default of 600 would end the sessions of long runs.
LONGEST_S = 7_200


def main(port: int, model: str, sessions: int) -> None:
    """Serve until the process ends. All sessions share one model, the server's default for a model in a folder."""
    TranscriptionServer().run(
        "127.0.0.1",
        port=port,
        backend="faster_whisper",
        faster_whisper_custom_model_path=model,
        single_model=True,
        max_clients=sessions,
        max_connection_time=LONGEST_S,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
