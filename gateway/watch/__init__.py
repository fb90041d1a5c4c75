"""What watches over use: budgets now, detectors and graded response in their place later."""
