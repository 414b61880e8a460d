use tower_vgi::VgiArrow;

#[derive(VgiArrow)]
struct Name<'a> {
    text: &'a str,
}

fn main() {}
