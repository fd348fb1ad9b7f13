"""Known answers: real servers whose saturation follows from a formula, measured by real runs, compared row by row."""
