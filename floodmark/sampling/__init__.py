"""What the target and the host do while the load runs. Never touches the target's processes."""
