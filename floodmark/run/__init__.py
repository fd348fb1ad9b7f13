"""The conductor of one run: target up, load, target down, verdict."""
