"""What came of it: error rates with intervals, the card, the curves."""
