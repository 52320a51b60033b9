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
    let v1 = ("", "v1");
    vec![
        cluster(make::<core::Namespace>(B::Namespace, v1, "namespaces", &["ns"], true)),
        make::<core::Pod>(B::Pod, v1, "pods", &["po"], true),
        make::<core::Service>(B::Service, v1, "services", &["svc"], true),
        make::<core::Event>(B::Event, v1, "events", &["ev"], false),
        make::<core::ConfigMap>(B::ConfigMap, v1, "configmaps", &["cm"], false),
        make::<core::Secret>(B::Secret, v1, "secrets", &[], false),
        make::<core::ServiceAccount>(B::ServiceAccount, v1, "serviceaccounts", &["sa"], false),
        cluster(make::<core::Node>(B::Node, v1, "nodes", &["no"], true)),
        make::<core::ResourceQuota>(B::ResourceQuota, v1, "resourcequotas", &["quota"], true),
    ]
}

fn other_kinds() -> Vec<Kind> {
    use Builtin as B;
    let apps = ("apps", "v1");
    let crds = ("apiextensions.k8s.io", "v1");
    vec![
        make::<coordination::Lease>(B::Lease, ("coordination.k8s.io", "v1"), "leases", &[], false),
        scaled(make::<apps::Deployment>(B::Deployment, apps, "deployments", &["deploy"], true)),
        scaled(make::<apps::ReplicaSet>(B::ReplicaSet, apps, "replicasets", &["rs"], true)),
        cluster(make::<apiextensions::CustomResourceDefinition>(
            B::Definition,
            crds,
            "customresourcedefinitions",
            &["crd", "crds"],
            true,
        )),
    ]
}

fn make<T: JsonSchema>(
    builtin: Builtin,
    (group, version): (&str, &str),
    plural: &str,
    short: &[&str],
    status: bool,
) -> Kind {
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
