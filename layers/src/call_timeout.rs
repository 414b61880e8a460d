//! A deadline for each decoded call.
