"""Samples the target and its host during the load, without interfering with the target's processes."""
