//! In place of what only kubectl asks for, where the feature `kubectl` is off: no tables, protobuf, OpenAPI or strategic merge
//! patches.

use serde_json::Value;

use crate::{kinds::Kind, status::Status};

/// No object is shown as a row of a table: a client that asks for one gets its next choice.
pub(crate) mod table {
    use jiff::Timestamp;

    use super::{Kind, Status, Value};

    /// How a table is printed: there are none.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Options {}

    impl Options {
        /// Ages are told at this time from now on.
        pub(crate) fn at(&mut self, _: Timestamp) {
            match *self {}
        }
    }

    /// Columns of a custom kind: not kept.
    #[derive(Default)]
    pub(crate) struct Columns(());

    impl Columns {
        /// The columns of a version of a definition.
        pub(crate) fn of(_: &Value) -> Self {
            Self(())
        }
    }

    /// How a client wants its tables: it gets none.
    pub(crate) fn asked(_: &str, _: impl FnOnce() -> Timestamp) -> Result<Option<Options>, Status> {
        Ok(None)
    }

    /// A table of one object.
    pub(crate) fn one(_: &Kind, _: &Value, options: Options) -> Value {
        match options {}
    }

    /// A table of all objects.
    pub(crate) fn of<'a>(
        _: &Kind,
        _: impl IntoIterator<Item = &'a Value>,
        _: Value,
        options: Options,
    ) -> Value {
        match options {}
    }

    /// The table of what `scale` shows.
    pub(crate) fn scale(_: &Kind, _: &Value, options: Options) -> Value {
        match options {}
    }
}

/// No body is protobuf.
pub(crate) mod protobuf {
    use super::{Status, Value};

    /// The media type.
    pub(crate) const MEDIA: &str = "application/vnd.kubernetes.protobuf";

    /// The object that a body is: unknown.
    pub(crate) fn decode(_: &[u8]) -> Result<Value, Status> {
        Err(Status::unsupported_media_type(
            "this API server in memory was built without the feature `kubectl`, and supports only application/json",
        ))
    }
}

/// No schema is published.
pub(crate) mod openapi {
    use k8s_openapi::schemars::JsonSchema;

    use super::Value;
    use crate::store::State;

    /// Where the schema of a kind is from: not kept.
    pub(crate) struct Described;

    impl Described {
        /// A built-in kind.
        pub(crate) fn of<T: JsonSchema>() -> Self {
            // What would be asked for it.
            let _ = T::schema_name;
            Self
        }

        /// A custom kind with this schema.
        pub(crate) fn custom(_: Value) -> Self {
            Self
        }
    }

    /// The answer to a path below `/openapi/v3`: there is none.
    pub(crate) fn answer(_: &State, _: &[&str]) -> Option<Value> {
        None
    }
}

/// No patch is a strategic merge.
pub(crate) mod strategic {
    use super::{Status, Value};

    /// Merges a patch into an object.
    pub(crate) fn merge(_: &mut Value, _: &Value) -> Result<(), Status> {
        Err(Status::no_patch())
    }
}
