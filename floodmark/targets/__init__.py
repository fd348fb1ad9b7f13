"""Bring a server up and down. Backends: local processes, Docker Compose, and one that is up already."""
