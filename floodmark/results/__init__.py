"""The files of a run: schema, writing, reading, provenance."""
