//! The Rust client: reads a query page by page, and the same rows as a live stream.
//!
//! ```sh
//! cargo run --bin pages -- http://127.0.0.1:8080 "SELECT * FROM trips" 10000
//! ```

use query_cursor::service::QueryClient;
use tower_vgi::BoxError;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let mut words = std::env::args().skip(1);
    let mut word = |default: &str| words.next().unwrap_or_else(|| default.to_owned());
    let (url, sql) = (word("http://127.0.0.1:8080"), word("SELECT * FROM trips"));
    let page_rows: i64 = word("10000").parse()?;
    let client = QueryClient::connect(&url).await?;

    let session = client.session();
    println!("columns: {}", session.open(sql.clone()).await?.join(", "));
    let (mut pages, mut paged) = (0, 0);
    while let Some(page) = session.page(page_rows).await?.next().await? {
        pages += 1;
        paged += page.batch.num_rows();
    }
    session.close().await?;
    println!("{paged} rows in {pages} pages");

    let (mut batches, mut streamed) = (0, 0);
    let mut rows = client.rows(sql).await?;
    while let Some(batch) = rows.next().await? {
        batches += 1;
        streamed += batch.batch.num_rows();
    }
    println!("{streamed} rows in a stream of {batches} batches");
    Ok(())
}
