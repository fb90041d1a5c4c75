"""Decoys (诱饵): numbers that are nobody's, sealed like people, so that whoever guesses numbers meets some.

    wanted      custodians, the share of persons, and how old a set may grow: is a set kept or drawn?
    donors      a sample of the persons that a full sync reads, by which decoys are drawn and dressed
    drawing     numbers as the register has them, and some where it has few
    dressing    what is sealed of a decoy: a donor's records under another name and birthday
    custody     what the custodians do: make their keys, open the list together
    keeping     what sync remembers of a set between two full syncs; the list for two custodians

`ops/sync/hiding.py` puts them together for one sync. Whatever row of the source names a decoy's number, read or
refused, drops it for good. No count shown to people has decoys in it.
"""
