//! Objects that people and programs write.

use super::{Proof, Row, Section};

const E2E: &str = "tests/tests/e2e/compatibility.rs";
const WARNING: &str = r#"unknown field "metadata.dask.org/cluster-name""#;

pub(super) const SECTIONS: &[Section] = &[
    Section {
        title: "Manifests of its documentation",
        text: "With names and programs of ours; the fields are theirs.",
        column: "manifest",
        rows: DOCUMENTATION,
    },
    Section {
        title: "Manifests of its tests, and objects that it leaves behind",
        text: "",
        column: "manifest",
        rows: TESTS,
    },
    Section {
        title: "What its client writes",
        text: "The bodies of the client's own requests, recorded by `tests/compat/record.py`. Those of the releases \
               2024.9.0, 2025.7.0 and 2026.3.0 are the same to the byte.",
        column: "object",
        rows: CLIENT,
    },
    Section {
        title: "What Flyte writes",
        text: "Flyte's Dask plugin makes a DaskJob with the Go types of dask-kubernetes, so everything that these \
               types always print is there: `status` blocks, null times, metadata inside `spec.cluster`. The fixtures \
               were printed by these types and filled in as the plugin's source does; no Flyte ran. It reads \
               `status.jobStatus`, `jobRunnerPodName`, `startTime` and `endTime`, the runner's pod with its container \
               `job-runner`, and the one pod whose name starts with the job's and has `scheduler` in it.",
        column: "object",
        rows: FLYTE,
    },
];

const DOCUMENTATION: &[Row] = &[
    Row::object(
        "documentation-cluster",
        "`DaskCluster` with a NodePort Service",
        "documentation/cluster.yaml",
    )
    .runs("phase `Running`, two workers", &[Proof(E2E, "the_documentations_cluster_runs_and_computes")]),
    Row::object(
        "documentation-cluster-2022",
        "`DaskCluster` as of 2022, with ports `comm` and `dashboard`",
        "documentation/cluster-2022.yaml",
    ),
    Row::object(
        "documentation-group",
        "`DaskWorkerGroup` with more memory",
        "documentation/worker-group.yaml",
    ),
    Row::object(
        "documentation-gpu",
        "integers as quantities and as a probe's port (dask-kubernetes' definitions refuse them)",
        "documentation/gpu-worker-group.yaml",
    ),
    Row::object("documentation-autoscaler", "`DaskAutoscaler`", "documentation/autoscaler.yaml"),
    Row::object("documentation-job", "`DaskJob`", "documentation/job.yaml"),
];

const TESTS: &[Row] = &[
    Row::object(
        "simplecluster",
        "`simplecluster`: labels and annotations at all places",
        "upstream-tests/simplecluster.yaml",
    )
    .runs(
        "two workers, beside the one of the next row",
        &[Proof(E2E, "the_cluster_and_group_of_their_tests_run")],
    ),
    Row::object(
        "simpleworkergroup",
        "`simpleworkergroup`: sets `DASK_WORKER_NAME` itself",
        "upstream-tests/simpleworkergroup.yaml",
    )
    .runs(
        "its variable is kept; the scheduler knows all three workers",
        &[Proof(E2E, "the_cluster_and_group_of_their_tests_run")],
    ),
    Row::object("simplejob", "`simplejob`: no restart policy", "upstream-tests/simplejob.yaml").runs(
        "`JobCreated`, `ClusterCreated`, `Running`, `Successful`; the cluster goes, the runner's pod stays",
        &[Proof(E2E, "the_job_of_their_tests_succeeds")],
    ),
    Row::object(
        "failedjob",
        "`failedjob`: its Service selects another cluster's scheduler",
        "upstream-tests/failedjob.yaml",
    )
    .runs(
        "`JobCreated`, `ClusterCreated`, `Running`, `Failed`; the cluster goes, the runner's pod stays",
        &[Proof(E2E, "the_job_of_their_tests_fails")],
    ),
    Row::object("left-behind", "a cluster with kopf's finalizer and annotations", "left-behind/cluster.yaml")
        .runs(
            "phase `Running`, and the finalizer is taken away",
            &[Proof(E2E, "a_cluster_left_behind_is_taken_over")],
        ),
];

const CLIENT: &[Row] = &[
    Row::object("client-cluster", "`KubeCluster()`: `idleTimeout` is null", "kube-cluster/cluster.json"),
    Row::object(
        "client-cluster-with-all",
        "`KubeCluster` with image, workers, variables, resources, idle timeout, Jupyter and NodePort",
        "kube-cluster/cluster-with-all.json",
    ),
    Row::object(
        "client-make-cluster-spec",
        "`make_cluster_spec(name)`: `replicas`, `env` and `resources` are null",
        "kube-cluster/make-cluster-spec.json",
    ),
    Row::object("client-group", "`add_worker_group(name)`: no labels", "kube-cluster/group.json"),
    Row::object(
        "client-group-with-all",
        "`add_worker_group` with workers, variables and resources",
        "kube-cluster/group-with-all.json",
    ),
    Row::object(
        "client-autoscaler",
        "`adapt(minimum, maximum)`: labels at a place where Kubernetes has none",
        "kube-cluster/autoscaler.json",
    )
    .warned(WARNING),
    Row::object(
        "client-autoscaler-without-bounds",
        "`adapt()`: both bounds are null (dask-kubernetes' definitions refuse it)",
        "kube-cluster/autoscaler-without-bounds.json",
    )
    .warned(WARNING),
];

const FLYTE: &[Row] = &[
    Row::object(
        "flyte-job",
        "a task's `DaskJob`: `restartPolicy: Always` for scheduler and workers, `Never` for the runner; a port called \
         `dashboard`",
        "flyte/daskjob.json",
    )
    .runs(
        "`JobCreated`, `ClusterCreated`, `Running`, `Successful`, and what Flyte reads is there",
        &[Proof(E2E, "flytes_job_succeeds_and_has_what_flyte_reads")],
    ),
    Row::object(
        "flyte-job-with-finalizer",
        "the same with Flyte's finalizer (`injectFinalizer`)",
        "flyte/daskjob-with-finalizer.json",
    ),
];
