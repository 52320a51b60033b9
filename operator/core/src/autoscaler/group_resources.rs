//! Which abstract resources the workers of a group have, as its template says.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::object::Group;

/// Variables that give Dask's workers a resource, less its name.
const VARIABLE: &str = "DASK_DISTRIBUTED__WORKER__RESOURCES__";

/// Amounts by name: those of the command line, else those of Dask's configuration in variables.
pub(crate) fn of(group: &Group) -> BTreeMap<String, f64> {
    let containers = group.spec.worker.spec.0.get("containers").and_then(Value::as_array);
    let mut found = BTreeMap::new();
    for container in containers.into_iter().flatten() {
        let lists = ["command", "args"].iter().filter_map(|key| container[*key].as_array());
        let words: Vec<String> = lists.flatten().filter_map(|w| w.as_str().map(String::from)).collect();
        let variables = container["env"].as_array().into_iter().flatten();
        found.extend(variables.filter_map(variable));
        found.extend(dask_worker_line::resources(&words));
    }
    found
}

fn variable(variable: &Value) -> Option<(String, f64)> {
    let name = variable["name"].as_str()?.strip_prefix(VARIABLE)?;
    Some((name.into(), variable["value"].as_str()?.parse().ok().filter(|a: &f64| a.is_finite())?))
}
