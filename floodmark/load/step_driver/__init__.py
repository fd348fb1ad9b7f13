"""The fast lane: one loop over one epoll drives the connections of all step users of a process."""
