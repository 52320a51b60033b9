//! Texts that are not to be taken for each other, as types of their own: the macro that makes them.

/// A type that is a text and nothing else; maps by it are asked with a text, too.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        #[derive(derive_more::Debug, derive_more::Deref, derive_more::Display, derive_more::From)]
        #[serde(transparent)]
        #[debug("{_0:?}")]
        #[from(String, &str)]
        #[deref(forward)]
        pub struct $name(String);

        impl $name {
            /// As a text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }
    };
}

pub(crate) use text_type;
