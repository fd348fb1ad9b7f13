"""The folder of the data files: the checkout, or a folder inside the installed package."""

from __future__ import annotations

from pathlib import Path

from target_apps.serve import ROOT

SHARE = ROOT if (ROOT / "scenarios").is_dir() else Path(__file__).parent / "share"
