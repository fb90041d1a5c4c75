"""The synthetic league and the demonstration that runs on it."""
