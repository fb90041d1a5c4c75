"""Values and rules in plain Python: queries, claims, verdicts, answers, grants."""
