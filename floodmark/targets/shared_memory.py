"""A folder in memory shared with the target: the probe's ledger lives there, and what an app said that cannot start."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from target_apps import ledger

_MEMORY = Path("/dev/shm")


class SharedFolder:
    """Made on construction, with an empty ledger in it."""

    def __init__(self) -> None:
        parent = _MEMORY if _MEMORY.is_dir() else None
        self.path = Path(tempfile.mkdtemp(prefix="floodmark-", dir=parent))
        self.path.chmod(0o755)
        self.ledger = self.path / "ledger"
        self.report = self.path / "report"
        ledger.create(self.ledger)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
