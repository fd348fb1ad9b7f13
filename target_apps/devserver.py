"""Runs Flask's dev server: ``python -m target_apps.devserver APP --bind HOST:PORT [--threaded | --processes N]``."""

from __future__ import annotations

import argparse
import logging

from werkzeug.serving import run_simple

from target_apps.wsgi import app


def main() -> None:
    parser = argparse.ArgumentParser(prog="target_apps.devserver")
    parser.add_argument("app", help="only for the process list; FLOODMARK_APP decides")
    parser.add_argument("--bind", default="127.0.0.1:8000")
    parser.add_argument("--threaded", action="store_true")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    host, _, port = options.bind.rpartition(":")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    try:
        run_simple(host, int(port), app, threaded=options.threaded, processes=options.processes, use_reloader=False)
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
