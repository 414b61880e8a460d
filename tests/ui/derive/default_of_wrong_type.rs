use tower_vgi::VgiArrow;

#[derive(VgiArrow)]
struct Settings {
    #[vgi(default = "three")]
    retries: i64,
}

fn main() {}
