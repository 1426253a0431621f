"""From records to numbers: measures, intervals, breakdowns."""
