"""Makes runs: starts the target, loads it, stops it, and has the run judged."""
