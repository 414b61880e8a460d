use tower_vgi::VgiArrow;

#[derive(VgiArrow)]
struct Tree {
    label: String,
    children: Vec<Tree>,
}

fn main() {}
