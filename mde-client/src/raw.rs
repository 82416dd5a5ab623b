//! Types that keep the bytes they were read from.

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
