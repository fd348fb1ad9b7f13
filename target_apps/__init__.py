"""The app under test, its probe, and a launcher for every server: standard library and Flask only."""
