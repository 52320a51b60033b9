//! Versions of what is around the operator.

use super::{Proof, Row, Section};

const CLIENTS: &str = "tests/tests/e2e/kube_cluster.rs";
const PROTOCOL: &str = "comm/tests/real_scheduler.rs";
const KIND: &str = "tests/kind/common.sh";
const NEWEST: &str = "tests/dask/newest";
const CHART: &str = "tests/chart/render.sh";

pub(super) const SECTIONS: &[Section] = &[
    Section { title: "Versions", text: "", column: "what", rows: VERSIONS },
    Section { title: "Values files of its chart", text: "", column: "values", rows: VALUES },
];

const VERSIONS: &[Row] = &[
    Row::says(
        "client-newest",
        "dask-kubernetes' client 2026.3.0",
        "creates, scales, adapts, reads logs, closes",
        &[Proof(CLIENTS, "kube_cluster_creates_scales_adapts_reads_logs_and_closes")],
    ),
    Row::says(
        "client-2025",
        "dask-kubernetes' client 2025.7.0",
        "creates, computes, scales, closes, with the newest Dask",
        &[Proof(CLIENTS, "kube_cluster_of_2025_creates_scales_and_closes")],
    ),
    Row::says(
        "client-2024",
        "dask-kubernetes' client 2024.9.0",
        "creates, computes, scales, closes, with the newest Dask (its environment needs `sniffio` besides)",
        &[Proof(CLIENTS, "kube_cluster_of_2024_creates_scales_and_closes")],
    ),
    Row::says("distributed-oldest", "distributed 2024.1.0", SPOKEN, &[Proof(PROTOCOL, "dask_2024_1_0")]),
    Row::says("distributed-2024", "distributed 2024.12.1", SPOKEN, &[Proof(PROTOCOL, "dask_2024_12_1")]),
    Row::says("distributed-2025", "distributed 2025.7.0", SPOKEN, &[Proof(PROTOCOL, "dask_2025_7_0")]),
    Row::says(
        "distributed-newest",
        "distributed 2026.8.0",
        "the same; it is also what the end-to-end tests run",
        &[Proof(PROTOCOL, "dask_2026_8_0"), Proof(NEWEST, "2026.8.0")],
    ),
    Row::says("kubernetes-tested", "Kubernetes 1.34.4", "all end-to-end tests", &[Proof(KIND, "K8S=1.34.4")]),
    Row::says(
        "kubernetes-oldest",
        "Kubernetes 1.29 to 1.33",
        "expected to work, not tested: the definitions have validation rules, stable since 1.29, with `fieldPath`, \
         there since 1.28",
        &[Proof("crds/yaml/daskautoscalers.yaml", "fieldPath")],
    ),
    Row::says(
        "kubernetes-newer",
        "fields of a newer Kubernetes in a pod or a Service",
        "kept and handed on; what the definitions know is that of 1.35",
        &[
            Proof("operator/core/src/resources/tests.rs", "fields_we_do_not_know_survive"),
            Proof("Cargo.toml", "v1_35"),
        ],
    ),
];

const SPOKEN: &str = "all operations that the operator uses, against its real scheduler and workers";

const VALUES: &[Row] = &[
    Row::says(
        "values-all",
        "every value set to something",
        "rendered, each at its place",
        &[
            Proof("tests/chart/values/dask-kubernetes.yaml", "kopfArgs"),
            Proof(CHART, "dask_kubernetes_values"),
        ],
    ),
    Row::says(
        "values-defaults",
        "a copy of its defaults, less the image",
        "rendered",
        &[
            Proof("tests/chart/values/dask-kubernetes-defaults.yaml", "workerAllocation"),
            Proof(CHART, "dask-kubernetes' defaults"),
        ],
    ),
    Row::says(
        "values-image",
        "its image, pinned in `image.name`",
        "`helm template` and `helm install` stop and say which two lines to remove",
        &[
            Proof("tests/chart/values/pinned-image.yaml", "ghcr.io/dask/dask-kubernetes-operator"),
            Proof(CHART, "Remove image.name and image.tag"),
        ],
    ),
];
