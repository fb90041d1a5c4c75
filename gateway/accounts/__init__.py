"""Accounts (账号): how a named person enrols, signs in, steps up, is slowed down, and signs out.

An account gives no right. Rights come from the person's deed, which administrators signed; an account only shows that
whoever asks is that person. Start with `enrolment`, then `signing_in`, then `sessions`.
"""
