"""Looking back, for officers alone: rights as they stood, old decisions explained, drafts rehearsed over them."""
