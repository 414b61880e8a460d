use tower_vgi::VgiArrow;

#[derive(VgiArrow)]
union Bits {
    integer: u32,
    float: f32,
}

fn main() {}
