"""PURE: what two measurements, or a history of nights, say of each other. Numbers in, words out; no file is read."""
