//! A deadline and a minimum rate for request bodies.
