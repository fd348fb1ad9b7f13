"""Drives the step users of a process: no greenlet has to wake up for an answer."""
