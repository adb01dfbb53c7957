"""Settings of Node.js for tests."""

import subprocess


def with_global_websocket() -> dict[str, str]:
    """Variables with which programs find a global WebSocket. Node.js 22 has one, Node.js 20 has it behind a flag."""
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    is_old = int(version.removeprefix("v").partition(".")[0]) < 22
    return {"NODE_OPTIONS": "--experimental-websocket"} if is_old else {}
