"""May it? The data standard, the departments' rulebooks and the decision they give."""
