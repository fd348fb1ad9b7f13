"""`make vendor`: renews the charting library in floodmark/report/html/vendor from its npm packages.

Each package's minified build and licence are copied as they are; versions.json says which version, and the hash
of every file. --check downloads nothing and fails when a file is not what versions.json says.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from floodmark.errors import FloodmarkError, UsageError
from floodmark.results.table import write_text

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "floodmark" / "report" / "html" / "vendor"
VERSIONS = "versions.json"
PACKAGES = {"vega": "6.2.0", "vega-lite": "6.4.1", "vega-embed": "7.0.2"}
"""Those of vl-convert-python, which draws the static pictures: both read the same specifications alike."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when a vendored file is not what versions.json says")
    options = parser.parse_args(argv)
    try:
        if options.check:
            return check(VENDOR)
        renew(VENDOR, PACKAGES)
    except FloodmarkError as error:
        print(f"vendor: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def check(folder: Path) -> int:
    """0 when every file has its hash; else 1, and which have not."""
    recorded: dict[str, Any] = json.loads((folder / VERSIONS).read_text(encoding="utf-8"))
    hashes = {name: digest for package in recorded.values() for name, digest in package["sha256"].items()}
    wrong = [name for name, digest in hashes.items() if _sha256(folder / name) != digest]
    for name in wrong:
        print(f"{folder / name} is not the file of {VERSIONS}; run `make vendor`", file=sys.stderr)
    return 1 if wrong else 0


def renew(folder: Path, packages: dict[str, str]) -> None:
    """Fetch the packages with npm and put their files into ``folder``. Raises UsageError."""
    recorded: dict[str, Any] = {}
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        for name, version in packages.items():
            unpacked = _fetch(name, version, Path(temporary))
            facts = json.loads((unpacked / "package.json").read_text(encoding="utf-8"))
            copies = {f"{name}.min.js": f"build/{name}.min.js", f"{name}.LICENSE": "LICENSE"}
            for kept, original in copies.items():
                shutil.copyfile(unpacked / original, folder / kept)
            recorded[name] = {
                "version": facts["version"],
                "licence": facts["license"],
                "sha256": {kept: _sha256(folder / kept) for kept in copies},
            }
    write_text(folder / VERSIONS, json.dumps(recorded, indent=2) + "\n")


def _fetch(name: str, version: str, folder: Path) -> Path:
    try:
        done = subprocess.run(
            ["npm", "pack", "--silent", f"{name}@{version}"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    except OSError as error:
        raise UsageError("npm is needed to renew the charting library; install Node.js") from error
    if done.returncode != 0:
        raise UsageError(f"npm could not fetch {name}@{version}:\n{done.stderr.strip()}")
    unpacked = folder / name
    with tarfile.open(folder / done.stdout.split()[-1]) as archive:
        archive.extractall(unpacked, filter="data")
    return unpacked / "package"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


if __name__ == "__main__":
    sys.exit(main())
