"""Pure judgements over measured visits. No I/O."""
