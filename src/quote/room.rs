//! Whether the account has room for an order, before anything is created. Pure.

use kubelease_core::{Limit, Size};

use super::{Inputs, NoQuote, boot_gib};

/// What an order takes of one kind of limit.
#[derive(Clone, Copy, Debug)]
struct Need {
    /// The limit's [`Limit::what`].
    what: &'static str,
    /// For each node.
    each: u32,
    /// Whatever the number of nodes.
    rest: u32,
}

/// What an order takes of everything that may be limited. `services` counts everything that a vendor's
/// promotion pays for.
fn needs(inputs: &Inputs<'_>, size: &Size, vcpus: &'static str) -> [Need; 8] {
    let expect = &inputs.profile.expect;
    let volumes = u32::try_from(expect.volumes_gib.len()).unwrap_or(u32::MAX);
    let balancers = expect.load_balancers;
    let disk = if size.disk_gib == 0 {
        boot_gib(inputs)
    } else {
        0
    };
    let need = |what, each, rest| Need { what, each, rest };
    [
        need("nodes", 1, 0),
        need("instances", 1, 0),
        need("addresses", 1, 0),
        need(vcpus, size.cpu, 0),
        need("disk_gib", disk, expect.volumes_gib.iter().sum()),
        need("services", 1, balancers.saturating_add(volumes)),
        need("load_balancers", 0, balancers),
        need("volumes", 0, volumes),
    ]
}

impl Need {
    fn of(self, count: u32) -> u32 {
        count.saturating_mul(self.each).saturating_add(self.rest)
    }

    /// How many nodes fit, if nodes take any of it.
    fn fits(self, free: u32) -> Option<u32> {
        free.saturating_sub(self.rest).checked_div(self.each)
    }
}

/// Whether the account has room for `count` nodes of a size in a region, and for what the profile expects
/// beside them. Of several limits that are too small, the one that allows the fewest nodes is told.
pub(super) fn within_limits(
    inputs: &Inputs<'_>,
    region: &str,
    (count, size, spot): (u32, &Size, bool),
) -> Result<(), NoQuote> {
    let Some(account) = inputs.account else {
        return Ok(());
    };
    let here = || account.limits.iter().filter(|l| l.counts_in(region));
    // Where spare machines have no quota of their own, the common one counts.
    let apart = spot && here().any(|l| l.what == "spot_vcpus");
    let vcpus = if apart { "spot_vcpus" } else { "vcpus" };
    let too_small = needs(inputs, size, vcpus).into_iter().filter_map(|need| {
        let limit = here().find(|l| l.what == need.what)?;
        let free = limit.most.saturating_sub(limit.used);
        (need.of(count) > free).then_some((limit, need, free))
    });
    let tightest = too_small.min_by_key(|(_, need, free)| need.fits(*free).unwrap_or(u32::MAX));
    match tightest {
        Some((limit, need, free)) => Err(refusal(limit, need, free, count)),
        None => Ok(()),
    }
}

fn refusal(limit: &Limit, need: Need, free: u32, count: u32) -> NoQuote {
    let hint = match need.fits(free) {
        Some(0) => "delete something first, or ask the vendor for more".to_owned(),
        Some(n) => {
            let of = if need.each > 1 { " of this size" } else { "" };
            format!(
                "the largest shape that fits has {n} node(s){of}: set count = {n} in the profile"
            )
        }
        None => {
            let what = limit.what.replace('_', " ");
            format!("the account has room for {free} more {what}")
        }
    };
    let place = limit.region.as_deref();
    NoQuote {
        policy: true,
        message: format!(
            "the account's {}{} is {} with {} in use; this needs {} more",
            limit.vendor_name,
            place.map_or_else(String::new, |region| format!(" in {region}")),
            limit.most,
            limit.used,
            need.of(count)
        ),
        hint,
    }
}
