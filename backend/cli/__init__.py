"""The command `nova`: one module for each subcommand, and folders for what they share."""

import sys


def run() -> None:
    """Run the command. Without the extra `cli`, name the missing package instead of printing a traceback."""
    try:
        from backend.cli.main import main
    except ModuleNotFoundError as missing:
        sys.exit(f"nova: the package {missing.name} is not installed: pip install 'nova-voice[cli]'")
    main()
