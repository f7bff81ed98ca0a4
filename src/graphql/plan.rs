//! Parses and validates a document and decides what happens to it.
