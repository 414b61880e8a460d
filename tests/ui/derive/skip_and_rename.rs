use tower_vgi::VgiArrow;

#[derive(VgiArrow)]
struct Point {
    #[vgi(skip, rename = "X")]
    x: f64,
}

fn main() {}
