"""How many requests are truly inside the app at once: bursts of simultaneous requests, watched from outside."""
