//! The server in memory as its users see it. The tests are here, where tests are compiled without optimisation: the server
//! itself is compiled with it, and with it these take minutes.

#![allow(clippy::unwrap_used, clippy::expect_used)] // All of it is a test.

mod client;
mod direct;
mod kubectl;
mod real;
mod watches;

use kube_memory_api_server::Definitions;

/// Our kinds, as an example of what is installed.
fn dask() -> Definitions {
    Definitions::new(&dask_crds::definitions()).unwrap()
}

/// The README shows the example that is compiled.
#[test]
fn the_readme_shows_the_example() {
    let (readme, example) = (
        include_str!("../../../api-server/README.md"),
        include_str!("../../../api-server/examples/stored_pod.rs"),
    );
    let shown = readme.split("```rust\n").nth(1).unwrap().split("```").next().unwrap();
    for line in shown.lines() {
        assert!(example.contains(line), "{line}");
    }
    assert!(shown.lines().count() >= 5, "{shown}");
}
