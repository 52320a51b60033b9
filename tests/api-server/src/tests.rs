//! The server as clients see it.

mod client;
mod direct;
mod kubectl;
mod real;
mod watches;

use crate::Definitions;

/// Our kinds, as an example of what is installed.
pub(crate) fn dask() -> Definitions {
    Definitions::new(&dask_crds::definitions()).unwrap()
}

/// The README shows the example that is compiled.
#[test]
fn the_readme_shows_the_example() {
    let (readme, example) = (include_str!("../README.md"), include_str!("../examples/stored_pod.rs"));
    let shown = readme.split("```rust\n").nth(1).unwrap().split("```").next().unwrap();
    for line in shown.lines() {
        assert!(example.contains(line), "{line}");
    }
    assert!(shown.lines().count() >= 5, "{shown}");
}
