//! Why nothing was applied, in the API server's words.

/// A field that another manager has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The manager as it is told: `"kubectl" using apps/v1`.
    pub manager: String,
    /// Path of the field: `.spec.worker.replicas`.
    pub field: String,
}

/// Why nothing was applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Other managers have other values; code 409, reason Conflict.
    #[error("{}", conflict_message(.0))]
    Conflicts(Vec<Conflict>),
    /// What is applied says what a request must not; code 400.
    #[error("{0}")]
    BadRequest(String),
    /// A manager wrote another version of the kind; code 501.
    #[error(
        "the managed fields of {manager} are of version {version}, and converting them is not supported: \
             apply that version"
    )]
    Unsupported {
        /// The manager.
        manager: String,
        /// The version that it wrote.
        version: String,
    },
    /// What is applied does not have the shape of its kind; code 500, as the API server has it.
    #[error("failed to create typed patch object ({object}): {}", faults_message(.faults))]
    Untyped {
        /// Namespace, name and kind.
        object: String,
        /// What does not fit.
        faults: Vec<String>,
    },
}

fn faults_message(faults: &[String]) -> String {
    match faults {
        [only] => only.clone(),
        many => format!(
            "errors:\n{}",
            many.iter().map(|fault| format!("  {fault}")).collect::<Vec<_>>().join("\n")
        ),
    }
}

fn conflict_message(conflicts: &[Conflict]) -> String {
    if let [only] = conflicts {
        return format!("Apply failed with 1 conflict: conflict with {}: {}", only.manager, only.field);
    }
    let mut lines = Vec::new();
    let mut last = None;
    for conflict in conflicts {
        if last != Some(&conflict.manager) {
            lines.push(format!("conflicts with {}:", conflict.manager));
            last = Some(&conflict.manager);
        }
        lines.push(format!("- {}", conflict.field));
    }
    format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
}
