//! Templates that say what is ours to say.

use serde_json::json;

use crate::{act::Act, manifest, scenario::Scenario};

/// What is under `kubernetes.dask.org/` in a template is not its author's to say.
pub fn all() -> Vec<Scenario> {
    let keys = ["retiring", "template-hash", "agent-hash", "copied-replicas", "no-such-thing"];
    let each = |key: &&str| {
        let mut cluster = manifest::cluster("a", 2);
        let name = format!("kubernetes.dask.org/{key}");
        cluster["spec"]["worker"]["metadata"] = json!({"annotations": {name: "{}"}});
        let mut group = manifest::group("more", "b", 1);
        group["spec"]["worker"]["metadata"] = cluster["spec"]["worker"]["metadata"].clone();
        Scenario::new(&format!("own-keys: a template that says {key} of its pods"))
            .at(0, Act::Create(cluster))
            .at(0, Act::Create(manifest::cluster("b", 1)))
            .at(2, Act::Create(group))
            .at(60, Act::Scale { group: "more".into(), replicas: 2 })
            .at(80, Act::Scale { group: "more".into(), replicas: 1 })
            .calm_at(150)
    };
    keys.iter().map(each).collect()
}
