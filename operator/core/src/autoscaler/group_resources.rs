//! Which abstract resources the workers of a group have, as its template says.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    model::object::Group,
    resources::agent_plan::worker_container::{elements, words},
};

/// Variables that give Dask's workers a resource, less its name.
const VARIABLE: &str = "DASK_DISTRIBUTED__WORKER__RESOURCES__";

/// Amounts by name: those of the command line, else those of Dask's configuration in variables.
pub(crate) fn of(group: &Group) -> BTreeMap<String, f64> {
    let mut found = BTreeMap::new();
    for container in group.spec.worker.spec.0.get("containers").map_or(&[][..], elements) {
        found.extend(elements(&container["env"]).iter().filter_map(variable));
        found.extend(dask_worker_line::resources(&words(container)));
    }
    found
}

fn variable(variable: &Value) -> Option<(String, f64)> {
    let name = variable["name"].as_str()?.strip_prefix(VARIABLE)?;
    Some((name.into(), variable["value"].as_str()?.parse().ok().filter(|a: &f64| a.is_finite())?))
}
