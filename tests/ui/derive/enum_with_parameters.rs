use tower_vgi::VgiArrow;

#[derive(VgiArrow)]
enum Colour<const N: usize> {
    Red,
}

fn main() {}
