use tower_vgi::VgiArrow;

#[derive(VgiArrow)]
struct Point {
    #[vgi(nullable, not_null)]
    x: f64,
}

fn main() {}
