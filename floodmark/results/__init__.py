"""Files of a run: schema, writing, reading, provenance."""
