"""Deeds (文书): everything that gives or changes a right is a document that people sign, step by step.

Start with `steps` (who signs what, in which order), then `deed` (what is signed), then `roll` (how trust reaches from
the three founding keys to everybody who signs). Nothing here trusts a database: a deed is good by its signatures.
"""
