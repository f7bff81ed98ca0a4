//! Tells whether a request could run an owned field under any reading.
