"""The edges of the router: what takes requests in and hands messages out, over the log's verbs."""
