"""The tag of the image that all Compose targets share."""

from __future__ import annotations

import hashlib
import os

from floodmark.data_files import SHARE

DOCKERFILE = SHARE / "compose" / "Dockerfile"
PACKAGES = "FLOODMARK_PACKAGES"


def image_tag() -> str:
    """A tag that changes with everything that the image is built from."""
    digest = hashlib.sha256(os.environ.get(PACKAGES, "").encode())
    for path in sorted([DOCKERFILE, *(SHARE / "target_apps").rglob("*")]):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.relative_to(SHARE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return f"floodmark-target:{digest.hexdigest()[:12]}"
