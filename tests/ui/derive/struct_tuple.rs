use tower_vgi::VgiArrow;

#[derive(VgiArrow)]
struct Point(f64, f64);

fn main() {}
