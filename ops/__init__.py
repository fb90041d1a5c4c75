"""Puts the product together and runs it: settings, wiring, processes, commands."""
