"""Pure functions that judge measured visits. No I/O."""
