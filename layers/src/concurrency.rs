//! How many calls run at the same time.
