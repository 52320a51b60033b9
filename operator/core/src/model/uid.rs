//! The UID of an object of Kubernetes.

use super::text_type::text_type;

text_type! {
    /// The UID of an object (`metadata.uid`): another object of the same name has another one.
    Uid
}
