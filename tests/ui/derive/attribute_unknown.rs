use tower_vgi::VgiArrow;

#[derive(VgiArrow)]
struct Point {
    #[vgi(optional)]
    x: f64,
}

fn main() {}
