"""The watch over a home's own record: replayed, and asked what other thresholds would have done."""
