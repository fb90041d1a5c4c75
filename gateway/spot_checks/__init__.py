"""Spot checks (凭证抽查) outside the turns: documents are named and judged, and what never comes has failed."""
