"""What tests and benchmarks measure with: servers whose capacity is known, ways to starve them, stored runs to copy."""
