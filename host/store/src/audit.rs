//! Who has changed what by hand.

use motia_manifest::TenantId;
use serde::Serialize;

use crate::{Json, Millis};

/// So many entries are kept, the newest ones.
pub(crate) const AUDITS_KEPT: i64 = 100_000;

/// A change that somebody has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Whose data was changed.
    pub tenant: TenantId,
    /// When.
    pub at: Millis,
    /// Who has done it, such as `admin`.
    pub actor: String,
    /// What was done, such as `state.set`.
    pub action: String,
    /// What it was done to, such as `orders/7`.
    pub subject: String,
    /// How.
    pub detail: Option<Json>,
}

/// A change that somebody has made, as it was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Audit {
    /// Grows with every entry.
    pub id: i64,
    /// When.
    pub at: Millis,
    /// Who has done it.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// What it was done to.
    pub subject: String,
    /// How.
    #[serde(skip)]
    pub detail: Option<Json>,
}
