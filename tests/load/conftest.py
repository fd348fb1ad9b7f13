"""These tests run in a process that Locust has patched, as the load side does."""

import locust  # noqa: F401
