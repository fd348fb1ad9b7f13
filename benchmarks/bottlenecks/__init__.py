"""One real server for each bottleneck, which must be named right."""
