"""Statements (对账单): each system's day, signed; what its partner makes of it, and what follows if nobody looks."""
