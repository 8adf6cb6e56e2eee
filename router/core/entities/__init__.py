"""What a shard remembers: the frozen entities of its tables, and what they are made of.

They say what there is; what is done with it stands in the modules beside this package, which are
compiled (docs/decisions/0034-compiled-core.md) where these are not: msgspec writes and reads them.
"""
