//! What people really run: manifests of `tests/inputs` and two programs, each with what is expected of it.
//!
//! | what | expected | test |
//! |---|---|---|
//! | side-car-outlives-worker.yaml | a worker that ended is replaced, whatever else runs in its pod | `pod_ends::a_side_car_does_not_keep_a_finished_worker` |
//! | side-car-and-lost-scheduler.yaml | workers of the next scheduler come | `pod_ends::a_side_car_does_not_outlive_the_scheduler` |
//! | entry-point-keeps-sigterm.yaml | results move, the pod ends soon | `pod_ends::an_entry_point_that_keeps_sigterm_is_got_past` |
//! | hook-eats-the-grace-period.yaml | the agent ends in time, and says that it was in haste | `pod_ends::a_hook_takes_its_time_from_the_agent` |
//! | too-much-of-its-own-disk.yaml | back-off, and the kubelet's sentence with what to raise | `pod_ends::what_is_evicted_for_its_own_disk_is_told` (kind alone: limits) |
//! | any cluster, `client.shutdown()` | the cluster comes back | `pod_ends::a_cluster_that_a_client_shut_down_comes_back` |
//! | entry-point-of-roles.yaml | workers run, without the agent | `command_lines::an_entry_point_gets_the_arguments_as_written` |
//! | script-behind-a-proxy.yaml | workers run; the proxy's arguments are its own | `command_lines::a_proxy_gets_no_agent` |
//! | flags-of-the-past.yaml | the crash is told | `command_lines::flags_of_the_past_are_told` |
//! | program-of-the-past.yaml | `dask worker` is named | `command_lines::a_program_of_the_past_is_told` |
//! | dashboard-at-8790.yaml | the worker has the port | `command_lines::a_worker_may_have_port_8790` |
//! | worker_command_as_a_string.py | KubeCluster comes up; the agent is Full; `limit` is told | `command_lines::a_command_in_one_string_is_understood` |
//! | tls-by-default-scheme.yaml | workers register, and leave in order | `addresses::tls_may_be_the_default` |
//! | double-dash-before-the-worker.yaml | the same | `addresses::a_double_dash_hides_nothing` |
//! | shell-variable-in-the-address.yaml | ready, and results move | `addresses::a_shell_may_know_the_address` |
//! | contact-address-of-a-service.yaml | ready | `addresses::a_worker_may_be_where_a_service_is` |
//! | service-name-of-2022.yaml | a warning with the right name | `addresses::the_service_of_2022_is_told` |
//! | selector-of-all-schedulers.yaml | each Service has its own scheduler alone | `addresses::schedulers_of_one_template_stay_apart` |
//! | selector-by-instance.yaml | the Service has its scheduler | `addresses::a_scheduler_has_the_labels_that_select_it` |
//! | node-is-emptied.yaml | evictable for the Cluster Autoscaler and `kubectl drain` | `pods::a_node_with_workers_can_be_emptied` |
//! | gpu-of-the-worker.yaml | no GPU for the init container | `pods::the_init_container_asks_for_no_gpu` |
//! | user-of-the-image.yaml | no seccomp profile of ours | `pods::the_init_container_has_no_seccomp_profile_of_its_own` |
//! | from-zero-with-processes.yaml | a quarter as many pods as Dask wants workers | `replicas::processes_count_before_there_are_any` |
//! | group-that-is-applied-again.yaml | the autoscaler's number stays | `replicas::a_group_may_be_applied_again_and_again` |
//!
//! All run on the cluster of processes, too, where nothing else is said. Dual stack needs a cluster that has it: none of
//! ours does.

mod addresses;
mod command_lines;
mod pod_ends;
mod pods;
mod replicas;
