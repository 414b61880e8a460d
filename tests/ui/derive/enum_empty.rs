use tower_vgi::VgiArrow;

#[derive(VgiArrow)]
enum Never {}

fn main() {}
