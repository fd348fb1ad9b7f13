"""Stored runs for tests of reports and pages."""

from testbed.stored import KEPT, add_details, copy_run, many

__all__ = ["KEPT", "add_details", "copy_run", "many"]
