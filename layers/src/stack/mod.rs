//! All layers assembled.
