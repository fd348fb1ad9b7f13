"""The WSGI app that every server serves: the chosen app behind the probe."""

from __future__ import annotations

import faulthandler
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from target_apps import reference
from target_apps.probe import Probe

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def load_app(name: str) -> WSGIApplication:
    """Import ``package.module:callable``, from ``FLOODMARK_APP_DIR`` if that is set."""
    folder = os.environ.get("FLOODMARK_APP_DIR")
    if not folder:
        return reference.load(reference.parse(name))
    os.chdir(folder)
    # Only after the server has been imported, so that modules of the app never shadow those of the server.
    sys.path.insert(0, folder)
    report = Path(os.environ.get("FLOODMARK_APP_REPORT") or os.devnull)
    with report.open("a", encoding="utf-8") as file:
        file.write(reference.IMPORTING)
        file.flush()
        every_s = float(os.environ.get("FLOODMARK_APP_START_S") or 60) / reference.LOOKS
        faulthandler.dump_traceback_later(every_s, repeat=True, file=file)
        try:
            app = reference.load(reference.parse(name))
        except BaseException:
            file.write(traceback.format_exc())  # in one piece, because other workers write to the same file
            raise
        finally:
            faulthandler.cancel_dump_traceback_later()
        file.truncate(0)
        return app


_inner = load_app(os.environ.get("FLOODMARK_APP", "target_apps.app:app"))
# Without the probe, a target reports nothing and cannot be verified. This is only for measuring the probe's cost.
app: WSGIApplication = _inner if os.environ.get("FLOODMARK_PROBE") == "off" else Probe(_inner)
