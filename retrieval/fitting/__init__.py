"""What is fitted for weights on people held out: coefficients, confidence, usual errors."""
