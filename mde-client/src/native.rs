//! What native types have in common: they keep the bytes they were read from, and their words can stand in a filter.

/// Gives types with a field `raw` the accessor and what a walk needs.
macro_rules! keep_raw {
    ($($name:ident),+) => {
        $(impl $name {
            /// Its JSON as it came, byte for byte.
            pub fn raw(&self) -> Option<&pocketsoc_model::RawJson> {
                self.raw.as_ref()
            }
        }

        impl pocketsoc_transport::KeepRaw for $name {
            fn keep_raw(&mut self, raw: pocketsoc_model::RawJson) {
                self.raw = Some(raw);
            }
        })+
    };
}
pub(crate) use keep_raw;

/// Lets words stand in a filter.
macro_rules! literals {
    ($($word:ident),+) => {
        $(impl pocketsoc_transport::odata::Literal for $word {
            fn literal(&self) -> String {
                pocketsoc_transport::odata::quote(self.as_str())
            }
        })+
    };
}
pub(crate) use literals;
