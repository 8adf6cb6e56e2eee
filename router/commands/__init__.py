"""The commands of `switchboard`, one module each; `router.cli` only names them."""
