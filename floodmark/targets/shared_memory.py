"""A folder in memory that is shared with the target, for the probe's ledger and the report of a failed import."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from target_apps import ledger

_MEMORY = Path("/dev/shm")


class SharedFolder:
    """The folder. It is created on construction, with an empty ledger in it."""

    def __init__(self) -> None:
        parent = _MEMORY if _MEMORY.is_dir() else None
        self.path = Path(tempfile.mkdtemp(prefix="floodmark-", dir=parent))
        self.path.chmod(0o755)
        self.ledger = self.path / "ledger"
        self.report = self.path / "report"
        ledger.create(self.ledger)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
