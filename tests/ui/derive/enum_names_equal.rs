use tower_vgi::VgiArrow;

#[derive(VgiArrow)]
enum Colour {
    Red,
    #[vgi(alias = "Red")]
    Crimson,
}

fn main() {}
