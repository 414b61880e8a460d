use tower_vgi::VgiArrow;

#[derive(VgiArrow)]
#[vgi(rename_all = "Title Case")]
struct Point {
    x: f64,
}

fn main() {}
