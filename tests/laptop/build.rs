//! Compiles what programs in pods load first (`native/pod.c`): a library for the machine that this is built on.

use std::{env, error::Error, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=native/pod.c");
    let out = PathBuf::from(env::var("OUT_DIR")?).join("pod.so");
    let mut command = cc::Build::new().opt_level(1).cargo_metadata(false).try_get_compiler()?.to_command();
    command.args(["-shared", "-fPIC", "-Wall", "-Wextra", "-o"]).arg(out).arg("native/pod.c").arg("-ldl");
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("native/pod.c: {status}").into()) }
}
