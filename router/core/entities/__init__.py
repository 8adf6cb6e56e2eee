"""What a shard remembers: the frozen entities of its tables, and what they are made of.

They say what there is, and what of it follows from the rest; what is done with it stands in the
modules beside this package. These stay Python when those are compiled (decision 0034), for msgspec
reads and writes them.
"""
