//! SQL over HTTP: a query's cursor in a session, read page by page, and the same rows as a live stream. See the README.

pub mod columns;
pub mod cursor;
pub mod data;
pub mod service;
