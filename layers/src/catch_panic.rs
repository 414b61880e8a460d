//! An answer where there was a panic.
