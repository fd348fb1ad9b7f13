"""Shows results: progress, summaries and reports, on the terminal, as Markdown and as HTML."""
