//! Django password hashes, checked on a bounded pool of threads.
