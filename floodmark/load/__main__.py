"""Locust's own command line, with ``--ramp`` for any locustfile: ``python -m floodmark.load -f FILE ...``."""

from locust.main import main

main()
