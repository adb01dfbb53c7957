"""Checks of the installed software: Python, packages, Node.js, the page, and the microphone."""

import os
import re
import shutil
import sys
from importlib.metadata import requires
from pathlib import Path

from backend.cli.diagnostics.finding import Finding, run_program, run_python
from backend.service.page_folder import page_folder

OLDEST_PYTHON, TOO_NEW_PYTHON = (3, 11), (3, 14)
OLDEST_NODE = 20
# Packages whose module has another name.
_MODULES = {"pyjwt": "jwt", "text2num": "text_to_num", "webrtcvad-wheels": "webrtcvad"}
# The extras of a machine that runs all services.
_EXTRAS = re.compile(r"extra == .(service|cli|gateway|stt|translation).")


def check_python() -> Finding:
    """Check the version of the interpreter."""
    found = ".".join(map(str, sys.version_info[:3]))
    ok = OLDEST_PYTHON <= sys.version_info < TOO_NEW_PYTHON
    return Finding("Python", ok, found, "" if ok else "install Python 3.11, 3.12 or 3.13", essential=True)


def check_packages() -> Finding:
    """Check that every required package can be imported."""
    needed = [line.partition(";") for line in requires("nova-voice") or ()]
    lines = [line for line, _, marker in needed if not marker or _EXTRAS.fullmatch(marker.strip())]
    names = sorted({re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in lines} - {"nova-voice"})
    modules = {name: _MODULES.get(name, name.replace("-", "_")) for name in names}
    # In another process, because a broken native library may crash the interpreter.
    ok, output = run_python(f"""
import importlib, importlib.metadata, sys
versions, broken = [], []
for name, module in {modules!r}.items():
    try:
        importlib.import_module(module)
        versions.append(name + " " + importlib.metadata.version(name))
    except Exception as error:
        broken.append(f"{{name}}: {{error}}")
sys.exit("; ".join(broken)) if broken else print(", ".join(versions))
""")
    advice = "" if ok else "reinstall: pip install --force-reinstall 'nova-voice[all]'"
    return Finding("packages", ok, output, advice, essential=True)


def check_node() -> Finding:
    """Check Node.js, which builds the page."""
    advice = f"install Node.js {OLDEST_NODE} or later"
    if shutil.which("node") is None:
        return Finding("Node.js", None, "not installed; needed only to build the page", advice)
    ok, version = run_program("node", "--version")
    major = re.match(r"v(\d+)", version)
    new_enough = ok and major is not None and int(major[1]) >= OLDEST_NODE
    return Finding("Node.js", new_enough, version, "" if new_enough else advice)


def built_page() -> Path | None:
    """The folder of the page that the gateway serves, or None if it has not been built."""
    directory = Path(os.environ.get("GATEWAY_PAGE_DIR") or page_folder())
    return directory if (directory / "index.html").is_file() else None


def check_page() -> Finding:
    """Check whether the page that the gateway serves has been built."""
    if directory := built_page():
        return Finding("page", True, str(directory))
    return Finding("page", None, "not built; everything else works", "run `make page`")


def check_microphone() -> Finding:
    """Check the microphone of `nova mic`. A browser accesses the microphone itself."""
    ok, output = run_python("""
import sys
from backend.cli.terminal.microphone import device_name
from backend.errors import SetupError
try:
    print(device_name())
except SetupError as error:
    sys.exit(error.message)
""")
    found, _, advice = (output, "", "") if ok else output.partition(": ")
    return Finding("microphone", ok or None, found, advice)
