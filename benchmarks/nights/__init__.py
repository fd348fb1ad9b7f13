"""Simulated nights: how often the nightly comparison cries wolf, and how soon it sees what is there."""
