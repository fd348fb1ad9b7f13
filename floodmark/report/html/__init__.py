"""The report as one HTML file that needs nothing else, and the charts that the live page shares with it."""
