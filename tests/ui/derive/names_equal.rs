use tower_vgi::VgiArrow;

#[derive(VgiArrow)]
struct Pair {
    first: i64,
    #[vgi(rename = "first")]
    second: i64,
}

fn main() {}
