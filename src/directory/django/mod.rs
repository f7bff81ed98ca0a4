//! The database of a Django project as the directory.
