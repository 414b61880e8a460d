//! The data of the example: made once, the same each time.

use std::path::Path;

use rusqlite::{Connection, Result};

/// Makes a database of `stations` and of so many `trips` between them. One that is there is made anew.
///
/// # Errors
///
/// When SQLite cannot write the file.
pub fn make(database: &Path, trips: u32) -> Result<()> {
    let connection = Connection::open(database)?;
    connection.execute_batch(
        "DROP TABLE IF EXISTS trips;
         DROP TABLE IF EXISTS stations;
         CREATE TABLE stations (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
         CREATE TABLE trips (
             id INTEGER PRIMARY KEY,
             origin INTEGER NOT NULL REFERENCES stations,
             destination INTEGER NOT NULL REFERENCES stations,
             minutes REAL NOT NULL,
             note TEXT
         );
         INSERT INTO stations (name) VALUES ('Harbour'), ('Market'), ('Museum'), ('Park'), ('Station'), ('University');",
    )?;
    connection.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         INSERT INTO trips (origin, destination, minutes, note)
         SELECT 1 + i % 6, 1 + i * 7 % 5, 4 + i * 37 % 50 / 2.0, CASE WHEN i % 10 = 0 THEN 'late' END
         FROM n WHERE ?1 > 0",
        [trips],
    )?;
    Ok(())
}
