"""The app under test, its probe, and a launcher for every server. Needs only Flask and the standard library."""
