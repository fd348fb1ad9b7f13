"""Which setting of a server is best for a budget, and where more of it stops helping."""
