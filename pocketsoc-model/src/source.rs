//! The trait that every source of detections implements.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    Capabilities, Detection, DetectionChange, DetectionId, DetectionQuery, DetectionStream, Product, Result,
};

/// A source of detections: one product, seen with one credential, under one display name.
///
/// # Contract
///
/// What implementers promise and users may rely on; the test kit's conformance suite checks it.
///
/// - **Order**: none. Users sort.
/// - **Duplicates**: within one walk a detection comes once per version; a list that shifts while it is read may
///   bring a newer version of one already seen.
/// - **Completeness**: `report().complete` is true only if the list was read to its end and every element could be
///   delivered. The end of the stream alone means nothing.
/// - **Errors**: one bad element is one `Err`, and the walk goes on.
/// - **Filters**: a filter is applied by the service or by the source, or the query is refused with `Unsupported`;
///   it is never widened. `capabilities` tells which.
/// - **Writes**: a transition that the product's table forbids is `InvalidTransition`, a part that it cannot hold is
///   `Unsupported`, both before any write. A change to what already is sends nothing. The answer of `update` has
///   been read back; a service that accepts a change and does not make it is `NotApplied`.
/// - **Capabilities** are found without acting: from the token's grants or by reads.
/// - Detections carry the source's `name` as `profile` and the statuses that may follow as `allowed_statuses`.
///
/// There are no default bodies, so a wrapper cannot forget to forward one; conveniences are in
/// [`DetectionSourceExt`](crate::DetectionSourceExt).
///
/// # A source for another vendor
///
/// ```
/// use async_trait::async_trait;
/// use pocketsoc_model::*;
///
/// #[derive(Debug)]
/// struct AcmeEdr { findings: Vec<(String, String)> }
///
/// impl AcmeEdr {
///     fn table() -> TransitionTable {
///         TransitionTable::new().allow(Status::Active, [Status::Resolved])
///     }
///     fn normalize(&self, (id, title): &(String, String)) -> Result<Detection> {
///         let mut detection = Detection::new(DetectionId::new(id)?, self.product(), title);
///         detection.profile = self.name().to_owned();
///         detection.severity = Severity::High;
///         detection.status = Status::Active;
///         detection.allowed_statuses = Self::table().allowed_from(detection.status);
///         Ok(detection)
///     }
/// }
///
/// #[async_trait]
/// impl DetectionSource for AcmeEdr {
///     fn name(&self) -> &str { "Acme" }
///     fn product(&self) -> Product { Product::new("acme_edr") }
///     async fn capabilities(&self) -> Result<Capabilities> {
///         let mut can = Capabilities::unknown();
///         can.view = Some(true);
///         can.triage = Some(false);
///         Ok(can)
///     }
///     fn list(&self, query: &DetectionQuery) -> DetectionStream {
///         let all: Result<Vec<_>> = self.findings.iter().map(|f| self.normalize(f)).collect();
///         match all {
///             Ok(all) => {
///                 let fitting = all.into_iter().filter(|d| query.matches(d));
///                 DetectionStream::from_vec(fitting.take(query.limit.unwrap_or(usize::MAX)).collect())
///             }
///             Err(error) => DetectionStream::failed(error),
///         }
///     }
///     async fn get(&self, id: &DetectionId) -> Result<Detection> {
///         let found = self.findings.iter().find(|(own, _)| own == id.as_str());
///         found.map_or_else(|| Err(Error::new(ErrorKind::NotFound, "get the finding")), |f| self.normalize(f))
///     }
///     async fn update(&self, _: &DetectionId, _: &DetectionChange) -> Result<Detection> {
///         Err(Error::new(ErrorKind::Unsupported, "update the finding").with_message("Acme is read-only"))
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let acme = AcmeEdr { findings: vec![("F-1".into(), "Miner on web-1".into())] };
/// let found = acme.collect(&DetectionQuery::all()).await?;
/// assert_eq!(found[0].title, "Miner on web-1");
/// # Ok::<(), Error>(()) }).unwrap();
/// ```
#[async_trait]
pub trait DetectionSource: Debug + Send + Sync + 'static {
    /// The display name of the profile, shown on each detection.
    fn name(&self) -> &str;

    /// The product.
    fn product(&self) -> Product;

    /// What the product can do and the credential may do. Never a write, never a probe that acts.
    ///
    /// # Errors
    /// When the source cannot sign in.
    async fn capabilities(&self) -> Result<Capabilities>;

    /// Walks over the detections that match. Nothing is sent before the stream is polled.
    fn list(&self, query: &DetectionQuery) -> DetectionStream;

    /// One detection, in full.
    ///
    /// # Errors
    /// `NotFound` when there is none with this id.
    async fn get(&self, id: &DetectionId) -> Result<Detection>;

    /// Changes a detection, reads it back and returns what it now is.
    ///
    /// # Errors
    /// `InvalidTransition` and `Unsupported` before any write; `NotApplied` when the service accepted and did not
    /// change it; `OutcomeUnknown` when it may have happened.
    async fn update(&self, id: &DetectionId, change: &DetectionChange) -> Result<Detection>;
}

macro_rules! forward {
    ($pointer:ident) => {
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<T: DetectionSource + ?Sized> DetectionSource for $pointer<T> {
            fn name(&self) -> &str {
                (**self).name()
            }
            fn product(&self) -> Product {
                (**self).product()
            }
            async fn capabilities(&self) -> Result<Capabilities> {
                (**self).capabilities().await
            }
            fn list(&self, query: &DetectionQuery) -> DetectionStream {
                (**self).list(query)
            }
            async fn get(&self, id: &DetectionId) -> Result<Detection> {
                (**self).get(id).await
            }
            async fn update(&self, id: &DetectionId, change: &DetectionChange) -> Result<Detection> {
                (**self).update(id, change).await
            }
        }
    };
}

forward!(Arc);
forward!(Box);
