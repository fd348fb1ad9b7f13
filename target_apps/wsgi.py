"""What every server is told to serve: the chosen app behind the probe."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from target_apps.probe import Probe

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def load_app(name: str) -> WSGIApplication:
    """Import ``package.module:callable``."""
    module, _, attribute = name.partition(":")
    found: WSGIApplication = getattr(import_module(module), attribute)
    return found


_inner = load_app(os.environ.get("FLOODMARK_APP", "target_apps.app:app"))
# Without the probe only to measure what it costs: such a target reports nothing and cannot be verified.
app: WSGIApplication = _inner if os.environ.get("FLOODMARK_PROBE") == "off" else Probe(_inner)
