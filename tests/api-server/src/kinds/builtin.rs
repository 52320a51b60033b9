//! The table of the built-in kinds.

use std::sync::{Arc, LazyLock, OnceLock};

use k8s_openapi::{
    api::{apps::v1 as apps, coordination::v1 as coordination, core::v1 as core},
    apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions,
    schemars::JsonSchema,
};

use super::{Builtin, Form, Kind, Scale};
use crate::{openapi::Described, shape::Shape, table::Columns};

/// All built-in kinds, made once per process.
pub(crate) fn all() -> &'static [Arc<Kind>] {
    static ALL: OnceLock<Vec<Arc<Kind>>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut kinds = core_kinds();
        kinds.extend(other_kinds());
        kinds.into_iter().map(Arc::new).collect()
    })
}

fn core_kinds() -> Vec<Kind> {
    use Builtin as B;
    let v1 = GroupVersion { group: "", version: "v1" };
    vec![
        cluster(v1.make::<core::Namespace>(B::Namespace, "namespaces", &["ns"], true)),
        v1.make::<core::Pod>(B::Pod, "pods", &["po"], true),
        v1.make::<core::Service>(B::Service, "services", &["svc"], true),
        v1.make::<core::Event>(B::Event, "events", &["ev"], false),
        v1.make::<core::ConfigMap>(B::ConfigMap, "configmaps", &["cm"], false),
        v1.make::<core::Secret>(B::Secret, "secrets", &[], false),
        v1.make::<core::ServiceAccount>(B::ServiceAccount, "serviceaccounts", &["sa"], false),
        cluster(v1.make::<core::Node>(B::Node, "nodes", &["no"], true)),
        v1.make::<core::ResourceQuota>(B::ResourceQuota, "resourcequotas", &["quota"], true),
    ]
}

fn other_kinds() -> Vec<Kind> {
    use Builtin as B;
    let leases = GroupVersion { group: "coordination.k8s.io", version: "v1" };
    let apps = GroupVersion { group: "apps", version: "v1" };
    let crds = GroupVersion { group: "apiextensions.k8s.io", version: "v1" };
    vec![
        leases.make::<coordination::Lease>(B::Lease, "leases", &[], false),
        scaled(apps.make::<apps::Deployment>(B::Deployment, "deployments", &["deploy"], true)),
        scaled(apps.make::<apps::ReplicaSet>(B::ReplicaSet, "replicasets", &["rs"], true)),
        cluster(crds.make::<apiextensions::CustomResourceDefinition>(
            B::Definition,
            "customresourcedefinitions",
            &["crd", "crds"],
            true,
        )),
    ]
}

/// The API group (empty for the core group) and version that a kind is served at.
#[derive(Clone, Copy)]
struct GroupVersion {
    group: &'static str,
    version: &'static str,
}

impl GroupVersion {
    fn make<T: JsonSchema>(self, builtin: Builtin, plural: &str, short: &[&str], status: bool) -> Kind {
        let Self { group, version } = self;
        let name = T::schema_name();
        let kind = name.rsplit('.').next().unwrap_or_default().to_string();
        let of_group = |core: String, separator: char, other: &str| {
            if group.is_empty() { core } else { format!("{core}{separator}{other}") }
        };
        let everywhere =
            matches!(builtin, Builtin::Pod | Builtin::Service | Builtin::Deployment | Builtin::ReplicaSet);
        Kind {
            group: group.into(),
            version: version.into(),
            api_version: if group.is_empty() { version.into() } else { format!("{group}/{version}") },
            qualified: of_group(plural.into(), '.', group),
            singular: kind.to_lowercase(),
            kind,
            plural: plural.into(),
            short: short.iter().map(ToString::to_string).collect(),
            categories: if everywhere { vec!["all".into()] } else { Vec::new() },
            namespaced: true,
            status,
            scale: None,
            form: Form::Builtin(builtin, LazyLock::new(Shape::of::<T>)),
            columns: Columns::default(),
            described: Described::of::<T>(),
        }
    }
}

fn cluster(kind: Kind) -> Kind {
    Kind { namespaced: false, ..kind }
}

fn scaled(kind: Kind) -> Kind {
    let scale = Scale {
        spec: "/spec/replicas".into(),
        status: "/status/replicas".into(),
        selector: Some("/spec/selector".into()),
    };
    Kind { scale: Some(scale), ..kind }
}
