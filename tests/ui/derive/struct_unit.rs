use tower_vgi::VgiArrow;

#[derive(VgiArrow)]
struct Nothing;

fn main() {}
