"""Where what is not code lies: in the checkout, or inside the installed package."""

from __future__ import annotations

from pathlib import Path

from target_apps.serve import ROOT

SHARE = ROOT if (ROOT / "scenarios").is_dir() else Path(__file__).parent / "share"
