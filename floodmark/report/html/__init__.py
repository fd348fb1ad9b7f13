"""The report as a self-contained HTML file, and the charts that it shares with the live page."""
