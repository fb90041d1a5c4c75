"""The published generator and attack suite: a made-up register, an honest year, and those who try to harvest it.

All of it goes through `gateway.pipeline.Pipeline.answer` as it is; only what lies outside the pipeline is played: the
clock, the store, the sealing process, the index and the ledger.
"""
