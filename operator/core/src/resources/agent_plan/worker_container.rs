//! Which container of a pod is the worker, and what its command line is.

use dask_worker_line::starts_a_worker;
use serde_json::Value;

use crate::model::names::WORKER_CONTAINERS;

/// The container that is the worker: the one of that name, or else one whose program starts a worker. Words that
/// merely speak of a worker do not count, and neither does the place in the list, where there are several.
pub(crate) fn of_worker(containers: &[Value]) -> Option<usize> {
    let is_named = |c: &Value| c["name"].as_str().is_some_and(|name| WORKER_CONTAINERS.contains(&name));
    let starts = |c: &Value| starts_a_worker(&words(c));
    let first = |is: &dyn Fn(&Value) -> bool| containers.iter().position(is);
    first(&|c| is_named(c) && starts(c))
        .or_else(|| first(&starts))
        .or_else(|| first(&is_named))
        .or_else(|| (containers.len() == 1).then_some(0))
}

/// The words of a container's command and args.
pub(crate) fn words(container: &Value) -> Vec<String> {
    let words = ["command", "args"].iter().flat_map(|key| elements(&container[*key]));
    words.filter_map(Value::as_str).map(String::from).collect()
}

/// The elements of a list; none, where it is absent.
pub(crate) fn elements(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}
