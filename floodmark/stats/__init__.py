"""Pure statistics: histograms, intervals, steadiness. No I/O."""
