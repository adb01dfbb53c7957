"""Write the SHA-256 digest of each file in a folder to SHA256SUMS there: `python infra/checksums.py FOLDER`.

`sha256sum --check SHA256SUMS` verifies them.
"""

import hashlib
import sys
from pathlib import Path

NAME = "SHA256SUMS"


def main(folder: Path) -> None:
    files = sorted(file for file in folder.iterdir() if file.is_file() and file.name != NAME)
    lines = (f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)
    (folder / NAME).write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
