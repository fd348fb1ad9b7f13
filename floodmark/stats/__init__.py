"""Pure statistics: histograms, intervals, steadiness, change points. No I/O."""
