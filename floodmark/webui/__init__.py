"""Locust's web UI with a Saturation tab, its CSV, a page of live charts, and fields of ours in the start form."""
