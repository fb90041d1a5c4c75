"""Commands of people: they enrol, sign in, propose, sign and refuse, over HTTPS like every other client.

`client` speaks to the gateway, `signing` signs what it has recomputed itself, `showing` says it in words; the other
modules are the commands.
"""
