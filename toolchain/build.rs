//! Tells cargo which directories are embedded, so that a new file in one is noticed.

fn main() {
    for directory in ["../guests", "../wit", "src/javascript/node"] {
        println!("cargo::rerun-if-changed={directory}");
    }
}
