//! The profiles of leases, read once: a daemon decides about the same ones at every tick.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::ledger::Lease;
use crate::profile::{self, Profile};

/// With more than that it starts anew, so that a daemon does not grow for ever.
const MOST: usize = 2_000;

/// What was read so far.
#[derive(Clone, Default)]
pub struct Profiles(Arc<Mutex<HashMap<String, Option<Arc<Profile>>>>>);

impl fmt::Debug for Profiles {
    // Without the texts, which may hold a webhook's token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profiles").finish_non_exhaustive()
    }
}

impl Profiles {
    /// The profile of a lease; none when it cannot be read: that of a lost ledger, or of a newer kubelease.
    #[must_use]
    pub fn of(&self, lease: &Lease) -> Option<Arc<Profile>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(profile) = known.get(&lease.profile_toml) {
            return profile.clone();
        }
        let profile = profile::parse(&lease.profile_toml, &lease.profile);
        let profile = profile.ok().map(Arc::new);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(lease.profile_toml.clone(), profile.clone());
        profile
    }
}
