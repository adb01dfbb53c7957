"""The checks of `nova doctor`. Each returns a finding with advice; none raises."""
