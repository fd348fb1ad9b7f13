"""The chosen app behind the probe for ASGI servers. a2wsgi runs it in ``FLOODMARK_A2WSGI_THREADS`` threads."""

from __future__ import annotations

import os
from typing import cast

from a2wsgi import WSGIMiddleware
from a2wsgi.wsgi_typing import WSGIApp

from target_apps import wsgi

app = WSGIMiddleware(cast(WSGIApp, wsgi.app), workers=int(os.environ["FLOODMARK_A2WSGI_THREADS"]))
