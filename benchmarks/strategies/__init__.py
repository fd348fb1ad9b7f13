"""How our search compares with others, on simulated servers whose truth is known."""
