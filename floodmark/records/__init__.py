"""Records of all requests per tenth of a second: made in each process, merged by time, cut into windows. Pure."""
