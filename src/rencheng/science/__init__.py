"""Science: pure functions on arrays, with units, formula and source; no clock, no files, no hidden randomness."""
