//! Sessions in a file of this machine.
