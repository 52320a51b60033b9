//! Pods: what an update may change.

use serde_json::Value;

use super::forbidden;
use crate::{meta, schema::Cause};

const RULE: &str = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n";

/// What is wrong with a change. (A real server shows the difference after the rule; this one does not.)
pub(super) fn validate(new: &Value, old: &Value) -> Vec<Cause> {
    let mut wrong = Vec::new();
    for list in ["containers", "initContainers"] {
        let count = |pod: &Value| meta::list(&pod["spec"], &format!("/{list}")).len();
        if count(new) != count(old) {
            wrong.push(forbidden(format!("spec.{list}"), "pod updates may not add or remove containers"));
        }
    }
    if !wrong.is_empty() {
        return wrong;
    }
    let mut allowed = new["spec"].clone();
    for list in ["containers", "initContainers"] {
        let before = meta::list(&old["spec"], &format!("/{list}"));
        let after = allowed.get_mut(list).and_then(Value::as_array_mut);
        for (item, old) in after.into_iter().flatten().zip(before) {
            meta::put(meta::as_map(item), "image", old.get("image").cloned());
        }
    }
    let (before, after) = (meta::list(old, "/spec/tolerations"), meta::list(new, "/spec/tolerations"));
    let grows = before.iter().all(|t| after.contains(t));
    let spec = meta::as_map(&mut allowed);
    meta::put(spec, "activeDeadlineSeconds", old["spec"].get("activeDeadlineSeconds").cloned());
    if grows {
        meta::put(spec, "tolerations", old["spec"].get("tolerations").cloned());
    }
    if allowed != old["spec"] {
        wrong.push(forbidden("spec", RULE));
    }
    wrong
}
