//! Behaviour that programs made for dask-kubernetes rely on, and where this operator differs with intent.

use super::{Proof, Row, Section};

const BASICS: Proof =
    Proof("tests/tests/e2e/basics.rs", "an_applied_example_computes_and_leaves_nothing_behind");
const CLUSTER: &str = "operator/core/src/cluster/tests.rs";
const TEMPLATE: &str = "operator/core/src/resources/tests.rs";
const SERVICE: &str = "operator/core/src/resources/service.rs";
const NAMES: Proof = Proof("tests/tests/e2e/bad_input.rs", "an_invalid_name_is_told_and_others_go_on");
const JOB: &str = "tests/tests/e2e/compatibility.rs";

pub(super) const SECTIONS: &[Section] = &[
    Section {
        title: "Behaviour that is the same",
        text: "Where an operator that only seems to do better would break a program.",
        column: "behaviour",
        rows: SAME,
    },
    Section { title: "Deliberate differences", text: "", column: "dask-kubernetes", rows: DIFFERENT },
];

const SAME: &[Row] = &[
    Row::says(
        "phase-running",
        "`phase: Running` of a cluster",
        "the parts exist, also while its scheduler does not start; whether it works, the conditions say",
        &[Proof("tests/tests/e2e/bad_input.rs", "a_scheduler_that_crashes_is_told_and_heals")],
    ),
    Row::says(
        "phase-created",
        "`phase: Created` comes first",
        "and is shown for half a second, long enough for a program that polls",
        &[Proof(CLUSTER, "created_comes_first_and_is_shown_for_a_while"), BASICS],
    ),
    Row::says(
        "names",
        "an invalid name of a cluster",
        "accepted by the API server, then phase `Error`; the condition says what a name must be",
        &[NAMES],
    ),
    Row::says(
        "job-status",
        "`status` of a DaskJob",
        "at the end exactly the keys `clusterName`, `jobRunnerPodName`, `jobStatus`, `startTime`, `endTime`",
        &[Proof(JOB, "the_job_of_their_tests_succeeds")],
    ),
    Row::says(
        "job-runner-at-once",
        "a job's runner",
        "made beside the cluster, without waiting for a scheduler or an endpoint of its Service",
        &[Proof(JOB, "the_job_of_their_tests_fails")],
    ),
    Row::says(
        "log-lines",
        "three lines in the log about a job",
        "`A DaskJob has been created`, `Job succeeded, deleting Dask cluster.`, `Job failed, deleting Dask cluster.`; \
         they are events, too",
        &[Proof("operator/core/src/job/tests.rs", "a_job_goes_its_way_one_step_at_a_time")],
    ),
    Row::says(
        "idle-timeout",
        "`idleTimeout`",
        "deletes a cluster after so many seconds without work; the scheduler's null means busy, and its settings are \
         never written",
        &[Proof("tests/tests/e2e/idle.rs", "a_cluster_goes_when_it_was_idle_for_long_and_not_before")],
    ),
    Row::says(
        "taken-over",
        "Deployments of workers that the old operator made",
        "count as workers, are not touched, and leave first; see [migrating](migrating.md)",
        &[Proof("tests/tests/e2e/serial/takeover.rs", "running_clusters_are_taken_over_under_load")],
    ),
    Row::says(
        "group-labels",
        "a worker group that a person adds",
        "owned by its cluster, its labels left as they are: a list by `dask.org/cluster-name` has the default group alone",
        &[Proof(JOB, "the_cluster_and_group_of_their_tests_run")],
    ),
    Row::says(
        "one-scheduler",
        "one scheduler pod at a time",
        "its Deployment recreates and never surges; a new one waits until the old one is gone",
        &[
            Proof(TEMPLATE, "the_schedulers_selector_is_minimal_and_it_never_surges"),
            Proof(CLUSTER, "an_old_scheduler_must_be_gone_before_a_new_one_starts"),
        ],
    ),
    Row::says(
        "env",
        "`DASK_WORKER_NAME` and `DASK_SCHEDULER_ADDRESS`",
        "appended to each container's variables; one that the manifest sets is kept",
        &[Proof(TEMPLATE, "our_variables_come_after_the_users_and_never_replace_them")],
    ),
    Row::says(
        "selector-labels",
        "a Service that selects the scheduler by labels of the DaskCluster (`app.kubernetes.io/instance`)",
        "the scheduler's pod has them, with the DaskCluster's values",
        &[Proof(SERVICE, "the_schedulers_pod_has_the_labels_that_its_service_selects")],
    ),
    Row::says(
        "entry-points",
        "`args` for an image whose entry point chooses by its first argument",
        "it starts as it is written, without the agent, and the condition `WorkerAgent` says what to do",
        &[Proof(
            "operator/core/src/resources/agent_plan/tests.rs",
            "an_entry_point_that_is_not_known_runs_as_it_is_written",
        )],
    ),
    Row::says(
        "lost-nodes",
        "scheduler and job runner on a node that does not answer",
        "stay for Kubernetes' 300 s; workers leave after 30 s",
        &[Proof(TEMPLATE, "a_worker_leaves_a_lost_node_soon_unless_its_author_says_otherwise")],
    ),
    Row::says(
        "shutdown",
        "`client.shutdown()`",
        "ends processes, which Kubernetes starts again: the cluster comes back. Deleting the DaskCluster or `idleTimeout` ends it",
        &[],
    ),
    Row::says(
        "deletion",
        "deleting a cluster",
        "takes as long as its pods: there is no finalizer of ours, the operator need not run",
        &[BASICS],
    ),
    Row::says(
        "kopf-finalizer",
        "kopf's finalizer and annotations on older objects",
        "the finalizer is taken away, even from an object that is being deleted; its annotations go, too, and none is handed on",
        &[
            Proof(CLUSTER, "kopfs_finalizer_goes_even_from_a_dying_cluster"),
            Proof("operator/core/src/resources/labels.rs", "tools_keep_their_keys_to_themselves"),
        ],
    ),
    Row::says(
        "group-size",
        "the default group's size after `KubeCluster.scale()` or an autoscaler",
        "stays when the cluster's manifest is applied again",
        &[Proof(
            "tests/tests/e2e/kube_cluster.rs",
            "kube_cluster_creates_scales_adapts_reads_logs_and_closes",
        )],
    ),
    Row::says(
        "nulls",
        "null where a client has no value",
        "the same as absent: the default, if there is one",
        &[
            Proof("operator/core/src/plan/merge_patch.rs", "nulls_are_absent"),
            Proof(
                "operator/core/src/autoscaler/tests.rs",
                "bounds_need_no_scheduler_upwards_and_nulls_are_no_bounds",
            ),
        ],
    ),
    Row::says(
        "flags",
        "flags of its image, and `workerAllocation` of its chart",
        "accepted; `--liveness` and `--standalone` have nothing to do, and pods are made in steps that grow",
        &[
            Proof("operator/src/cli.rs", "arguments_of_dask_kubernetes_are_taken"),
            Proof("tests/chart/render.sh", "WORKER_ALLOCATION"),
            Proof(
                "operator/core/src/worker_group/tests/scale_up.rs",
                "numbers_are_reserved_before_pods_are_made_and_slow_start_doubles",
            ),
        ],
    ),
    Row::says(
        "namespaces",
        "an operator for some namespaces",
        "`--namespace`, as often as wanted; what is elsewhere is left alone",
        &[
            Proof("operator/src/cli.rs", "arguments_of_dask_kubernetes_are_taken"),
            Proof("tests/chart/render.sh", "namespaced"),
        ],
    ),
    Row::says(
        "gateway",
        "dask-gateway beside it, with a kind `DaskCluster` of its own",
        "no conflict, the groups differ; `kubectl get daskclusters.kubernetes.dask.org` says which one is meant",
        &[Proof("crds/yaml/daskclusters.yaml", "daskclusters.kubernetes.dask.org")],
    ),
];

const DIFFERENT: &[Row] = &[
    Row::says(
        "pods",
        "a Deployment for each worker",
        "workers are Pods of their group, with the same names and labels; code that lists worker *Deployments* finds \
         none ([why](adr/0001-plain-pods.md))",
        &[BASICS],
    ),
    Row::says(
        "restart-always",
        "`restartPolicy: Always` on workers",
        "accepted, and runs as `OnFailure`: a worker that was told to leave must not come back",
        &[Proof(TEMPLATE, "a_worker_restarts_on_failure_alone")],
    ),
    Row::says(
        "tokens",
        "every pod has a service account token",
        "scheduler and workers have none, unless the manifest names a service account or sets \
         `automountServiceAccountToken`: everything that reaches a scheduler can run code in it. A job's runner is left to \
         Kubernetes' default",
        &[Proof(TEMPLATE, "no_token_that_was_not_asked_for")],
    ),
    Row::says("plugins", "kopf plugins in Python", "cannot be loaded", &[]),
    Row::says(
        "own-tests",
        "its own test suite",
        "these of its tests cannot pass: those that wait for Deployments of workers, and that of a plugin",
        &[],
    ),
    Row::says(
        "status-subresource",
        "only DaskJob has a `status` subresource",
        "all four kinds have it. An operator that writes `status` through the object, as dask-kubernetes' does, is \
         ignored by the API server: going back to it needs its definitions first",
        &[Proof("crds/yaml/daskclusters.yaml", "subresources")],
    ),
    Row::says(
        "tool-labels",
        "hands on all labels, and annotations but kopf's and kubectl's",
        "those by which Argo CD, Flux, Helm and kubectl know their own objects stay with the parent, but for the scheduler's \
         pod where its Service selects by them",
        &[Proof("operator/core/src/resources/labels.rs", "tools_keep_their_keys_to_themselves"), BASICS],
    ),
    Row::says(
        "own-keys",
        "takes any key in a template's metadata",
        "keys under `kubernetes.dask.org/` are the operator's own: they are left out, and `SpecWarning` says so",
        &[Proof(TEMPLATE, "no_pod_is_born_with_a_mark_of_ours")],
    ),
    Row::says(
        "selectors",
        "takes the selector of the scheduler's Service as it is written",
        "one without `dask.org/cluster-name` or `dask.org/component` gets it: it would select schedulers of other clusters, \
         or workers",
        &[Proof(SERVICE, "a_selector_is_completed_and_never_overridden")],
    ),
    Row::says(
        "istio",
        "keeps Istio's side car out of all pods",
        "the same, unless a template says something of `sidecar.istio.io/inject`",
        &[Proof(TEMPLATE, "istio_stays_out_unless_the_author_wants_it")],
    ),
    Row::says(
        "scale-down",
        "takes the last workers of its list where a scheduler does not answer",
        "no worker leaves then; else only those that the scheduler offers, of the group that shrinks ([how](removing-a-worker.md))",
        &[Proof("tests/tests/e2e/worker_crashes.rs", "nothing_shrinks_while_the_scheduler_is_frozen")],
    ),
    Row::says(
        "bounds",
        "needs both bounds of an autoscaler",
        "both are optional; a minimum above the maximum is refused",
        &[Proof("tests/tests/e2e/bad_input.rs", "a_minimum_above_the_maximum_is_refused_with_our_words")],
    ),
    Row::says(
        "job-cluster-fields",
        "drops `metadata` inside a DaskJob's `spec.cluster`, with a warning",
        "kept without one, and not read either",
        &[Proof(JOB, "every_fixture_is_accepted")],
    ),
];
