//! An owner reference.

use serde::{Deserialize, Serialize};

use crate::model::uid::Uid;

/// One owner reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// Group and version of the owner.
    pub api_version: String,
    /// Kind of the owner.
    pub kind: String,
    /// Name of the owner.
    pub name: String,
    /// UID of the owner.
    pub uid: Uid,
    /// Whether it is the controller.
    #[serde(default)]
    pub controller: bool,
    /// Whether the owner's foreground deletion waits for this object.
    #[serde(default)]
    pub block_owner_deletion: bool,
}

impl Owner {
    /// A controlling owner of one of our kinds.
    pub fn controller(kind: &str, name: &str, uid: &str) -> Self {
        Self {
            api_version: format!("{}/{}", dask_crds::GROUP, dask_crds::VERSION),
            kind: kind.into(),
            name: name.into(),
            uid: uid.into(),
            controller: true,
            block_owner_deletion: true,
        }
    }
}
