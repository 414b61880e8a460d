//! A bound on the memory of all requests together.
