//! What waits on a scheduler and what it needs, by an operation that the operator gives it.
//!
//! Dask's own operations do not tell what tasks ask of their workers. `run_function` runs `demand/probe.py` once, which
//! adds a plain operation; its name carries its version. Both pickles are constants written by hand: nothing of Python
//! runs here, and what the scheduler answers is msgpack.

use crate::{CommError, raw::Raw, typed};
use std::fmt::Write;

/// The operation. Another number means another answer: a newer operator's takes the place of an older one's.
pub(crate) const OPERATION: &str = "dask_operator_demand_2";

/// What the scheduler is to run: `builtins.exec` as a pickle of protocol 0, which every Python reads.
pub(crate) const EXEC: &[u8] = b"cbuiltins\nexec\n.";

const PROBE: &str = include_str!("demand/probe.py");

/// Most shapes, rows and parts of a shape; the probe keeps to them.
const SHAPES: usize = 64;
const ROWS: usize = 192;
const PARTS: usize = 16;

/// All work that is not done, by shape and kind of task.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Demand {
    /// What tasks ask of their workers.
    pub shapes: Vec<Shape>,
    /// Tasks by shape and prefix, most first.
    pub work: Vec<Work>,
    /// Tasks that are not among these, because there are too many kinds of them.
    pub left_out: u64,
    /// Whether every task was looked at; else shares of task groups are estimated.
    pub is_exact: bool,
    /// Workers that have no task assigned.
    pub idle_workers: u32,
    /// Threads of all workers.
    pub threads: u32,
    /// Clients that are connected.
    pub clients: u32,
    /// Datasets that were published.
    pub published: u32,
    /// Tasks that run though no client waits for them.
    pub fire_and_forget: u32,
    /// Seconds of the scheduler's loop that the answer took.
    pub took: f64,
}

/// What a task asks of its worker. One that asks for nothing is run by any.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shape {
    /// Amounts of abstract resources, by name.
    pub resources: Vec<(String, f64)>,
    /// Names or addresses of the workers that may run it; empty: any.
    pub workers: Vec<String>,
    /// Hosts whose workers may; empty: any.
    pub hosts: Vec<String>,
    /// Whether others may if none of those can (`allow_other_workers`).
    pub is_loose: bool,
    /// A registered worker that may run it, if there is one.
    pub served_by: Option<String>,
}

/// Tasks of one shape and prefix, counted by what keeps them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Work {
    /// Their shape, a place in [`Demand::shapes`].
    pub shape: usize,
    /// Their prefix, the first part of their keys; the first 64 characters of it.
    pub prefix: String,
    /// Wait for their inputs.
    pub waiting: u64,
    /// Ready, and held back by the scheduler until a thread is free.
    pub queued: u64,
    /// Ready, and no worker may run them.
    pub unrunnable: u64,
    /// Assigned to a worker, and not begun.
    pub assigned: u64,
    /// Run on a worker's thread.
    pub running: u64,
    /// Run and have left their worker's threads.
    pub seceded: u64,
    /// How long one takes, as measured; `None` before the first is done.
    pub seconds: Option<f64>,
    /// How long the longest one has been seen to run; `None` before one was.
    pub longest: Option<f64>,
}

/// The arguments of [`EXEC`]: the probe, and an empty dictionary as its globals.
pub(crate) fn arguments() -> Vec<u8> {
    // The text ends at the end of its line; Python decodes it as `raw-unicode-escape`.
    let mut escaped = String::with_capacity(PROBE.len() * 2);
    for c in PROBE.chars() {
        match c {
            '\n' | '\\' => {
                let _ = write!(escaped, "\\u{:04x}", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    [b"(V", escaped.as_bytes(), b"\n}t."].concat()
}

impl Demand {
    /// Reads the operation's answer.
    ///
    /// # Errors
    /// [`CommError::Malformed`] if it is none, [`CommError::TooLarge`] if it has more than the probe sends.
    pub(crate) fn read(reply: Raw<'_>) -> Result<Self, CommError> {
        let [shapes, rows, left_out, exact, idle] =
            reply.fields(["shapes", "rows", "left_out", "exact", "idle"]);
        let [threads, clients, published, forgotten, took] =
            reply.fields(["threads", "clients", "published", "fire_and_forget", "took"]);
        let shapes = list(shapes, SHAPES, "demand: shapes")?.into_iter().map(Shape::read);
        let shapes = shapes.collect::<Result<Vec<_>, _>>()?;
        let rows = list(rows, ROWS, "demand: rows")?.into_iter().map(|row| Work::read(row, shapes.len()));
        let small = |value| typed::count(value, "demand").map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        Ok(Self {
            work: rows.collect::<Result<_, _>>()?,
            shapes,
            left_out: typed::count(left_out, "demand: left_out")?,
            is_exact: boolean(exact)?,
            idle_workers: small(idle)?,
            threads: small(threads)?,
            clients: small(clients)?,
            published: small(published)?,
            fire_and_forget: small(forgotten)?,
            took: typed::seconds(took, "demand: took")?,
        })
    }
}

impl Shape {
    fn read(value: Raw<'_>) -> Result<Self, CommError> {
        let [resources, workers, hosts, loose, served] = exactly(value, "demand: shape")?;
        let texts = |value| -> Result<Vec<String>, CommError> {
            list(value, PARTS, "demand: shape")?
                .into_iter()
                .map(|v| typed::text(v, "demand: shape"))
                .collect()
        };
        let amount = |pair| -> Result<(String, f64), CommError> {
            let [name, amount] = exactly(pair, "demand: resource")?;
            Ok((typed::text(name, "demand: resource")?, typed::seconds(amount, "demand: resource")?))
        };
        Ok(Self {
            resources: list(resources, PARTS, "demand: shape")?
                .into_iter()
                .map(amount)
                .collect::<Result<_, _>>()?,
            workers: texts(workers)?,
            hosts: texts(hosts)?,
            is_loose: boolean(loose)?,
            served_by: if served.is_nil() { None } else { Some(typed::address(served, "demand: shape")?) },
        })
    }
}

impl Work {
    fn read(value: Raw<'_>, shapes: usize) -> Result<Self, CommError> {
        let [shape, prefix, waiting, queued, unrunnable, assigned, running, seceded, seconds, longest] =
            exactly(value, "demand: row")?;
        let count = |value| typed::count(value, "demand: row");
        let known = |value| typed::seconds(value, "demand: row").map(|s| Some(s).filter(|s| *s >= 0.0));
        let shape = usize::try_from(count(shape)?).ok().filter(|n| *n < shapes);
        Ok(Self {
            shape: shape.ok_or_else(|| CommError::Malformed("demand: row of no shape".into()))?,
            prefix: typed::text(prefix, "demand: prefix")?,
            waiting: count(waiting)?,
            queued: count(queued)?,
            unrunnable: count(unrunnable)?,
            assigned: count(assigned)?,
            running: count(running)?,
            seceded: count(seceded)?,
            seconds: known(seconds)?,
            longest: known(longest)?,
        })
    }
}

fn boolean(value: Raw<'_>) -> Result<bool, CommError> {
    match value.token() {
        crate::tokens::Token::Boolean(yes) => Ok(yes),
        _ => Err(typed::wrong("demand", value)),
    }
}

fn list<'a>(value: Raw<'a>, most: usize, what: &'static str) -> Result<Vec<Raw<'a>>, CommError> {
    let elements = value.elements().ok_or_else(|| typed::wrong(what, value))?;
    if elements.len() > most {
        return Err(CommError::TooLarge { what, got: elements.len() as u64, limit: most as u64 });
    }
    Ok(elements.collect())
}

fn exactly<'a, const N: usize>(value: Raw<'a>, what: &'static str) -> Result<[Raw<'a>; N], CommError> {
    let elements = list(value, N, what)?;
    elements.try_into().map_err(|_| CommError::Malformed(format!("{what}: not {N} values")))
}

#[cfg(test)]
mod tests;
