use tower_vgi::VgiArrow;

#[derive(VgiArrow)]
struct Line {
    ends: (f64, f64),
}

fn main() {}
