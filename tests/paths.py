"""Folders of the repository that tests read."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"  # development clips, models and texts; not part of the repository and often absent
INFRA = ROOT / "infra"
FRONTEND = ROOT / "frontend"
