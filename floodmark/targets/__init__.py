"""Starts and stops targets: as local processes, with Docker Compose, or not at all if already running."""
