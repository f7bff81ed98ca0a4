"""Servers that tests written in Python start: what `tests/it/support` is to the tests in Rust."""
