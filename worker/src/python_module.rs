//! The agent's Python module: it runs in the worker's process and in the helper's, and knows the agent by a token.

use std::{fs::File, io::Read};

/// Its text.
pub const TEXT: &str = include_str!("python_module/dask_agent.py");
/// Its file, where the agent was installed.
pub const FILE: &str = "dask_agent.py";
/// Exit code of the module where the worker's configuration asks for a Nanny of Python. No shell and no Python gives it
/// by itself, and no signal.
pub const NEEDS_NANNY: i32 = 79;

/// What names the module to `dask worker`: its file, or its text.
pub fn module() -> String {
    let file = std::env::current_exe().ok().map(|own| own.with_file_name(FILE)).filter(|f| f.is_file());
    file.map_or_else(|| TEXT.into(), |f| f.display().to_string())
}

/// What cannot be guessed outside of this pod.
///
/// # Errors
/// The system has no random numbers.
pub fn token() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}
