use tower_vgi::VgiArrow;

#[derive(VgiArrow)]
struct Id(#[vgi(rename = "id")] i64);

fn main() {}
