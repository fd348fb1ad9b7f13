"""PURE: what was seen, per tenth of a second: taken down in each process, merged by time, cut into windows."""
