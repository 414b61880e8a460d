use tower_vgi::VgiArrow;

#[derive(VgiArrow)]
enum Shape {
    Nothing,
    Circle(f64),
}

fn main() {}
