//! `/v2/blocks`: block storage, for users and for the CSI driver. An attached volume cannot be deleted.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, invalid, keyed, not_found, text};
use super::life::Event;
use super::prices::price;
use super::state::{Belongs, Block, BlockKind};
use super::view::{stamp, status};
use super::{ME, catalog, owners, paging, shapes};
use crate::message::Reply;
use crate::meter::Span;
use crate::money::Nanos;

/// Why an attached volume stays.
pub(super) const STILL_ATTACHED: &str =
    "Block storage is attached to an instance. Detach it before deleting it.";
const UP: TimeDelta = TimeDelta::seconds(5);
/// Volumes an account may have unless its settings say otherwise (the vendor sets limits for each account).
const LIMIT: u64 = 20;

/// A volume that may be made.
#[derive(Debug)]
pub(super) struct BlockWish {
    pub(super) label: String,
    pub(super) region: String,
    pub(super) size_gib: u64,
    pub(super) kind: BlockKind,
    pub(super) belongs: Belongs,
    /// Never gets active (fault).
    pub(super) stuck: bool,
}

impl BlockKind {
    /// The API's word.
    fn word(self) -> &'static str {
        match self {
            Self::HighPerf => "high_perf",
            Self::StorageOpt => "storage_opt",
        }
    }

    /// Its word in the price file.
    pub(super) fn price_word(self) -> &'static str {
        match self {
            Self::HighPerf => "nvme",
            Self::StorageOpt => "hdd",
        }
    }
}

/// The API gives the monthly cost in whole dollars.
fn cost(block: &Block) -> i128 {
    let unit = price("volume", block.kind.price_word(), &block.region).and_then(|p| p.month);
    let month = unit.unwrap_or_default() * i128::from(block.size_gib);
    Nanos::ratio(month.0, 1_000_000_000).0
}

fn view(block: &Block) -> Value {
    let mount: String = block.id.chars().filter(|c| *c != '-').take(14).collect();
    json!({
        "id": block.id, "cost": i64::try_from(cost(block)).unwrap_or(i64::MAX), "status": status(block.active), "size_gb": block.size_gib,
        "region": block.region, "attached_to_instance": block.instance.as_deref().unwrap_or_default(),
        "date_created": stamp(block.created_at), "label": block.label, "mount_id": format!("{}-{mount}", block.region),
        "block_type": block.kind.word(),
    })
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(call, "blocks", &desk.state.blocks, view)
}

pub(super) fn find<'a>(desk: &'a Desk<'_>, id: &str) -> Result<&'a Block, Refused> {
    let mut blocks = desk.state.blocks.iter();
    let found = blocks.find(|b| b.id == id);
    found.ok_or_else(|| not_found("block storage"))
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    keyed(200, "block", view(find(desk, call.id(0))?))
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::BLOCK_CREATE)?;
    let label = text(&body, "label");
    let kind = match body["block_type"].as_str() {
        Some("storage_opt") => BlockKind::StorageOpt,
        _ => BlockKind::HighPerf,
    };
    let wish = BlockWish {
        region: text(&body, "region"),
        size_gib: body["size_gb"].as_u64().unwrap_or(0),
        kind,
        belongs: Belongs::by_label(&label),
        label,
        stuck: call.request.never_ready,
    };
    fits_region(&wish.region, kind)?;
    fits_size(wish.size_gib, kind)?;
    fits_quota(desk)?;
    let id = make(desk, wish);
    keyed(202, "block", view(find(desk, &id)?))
}

/// Refuses regions without this kind.
pub(super) fn fits_region(region: &str, kind: BlockKind) -> Result<(), Refused> {
    let found = catalog::find_region(region).ok_or_else(|| invalid("Invalid region."))?;
    if kind == BlockKind::StorageOpt && !found.has_hdd() {
        return Err(invalid(
            "This block storage type is not available in the selected region.",
        ));
    }
    Ok(())
}

/// Refuses sizes this kind does not come in.
pub(super) fn fits_size(size_gib: u64, kind: BlockKind) -> Result<(), Refused> {
    let sizes = match kind {
        BlockKind::HighPerf => 10..=10_000,
        BlockKind::StorageOpt => 40..=40_000,
    };
    if sizes.contains(&size_gib) {
        return Ok(());
    }
    Err(invalid(format!(
        "size_gb must be between {} and {}.",
        sizes.start(),
        sizes.end()
    )))
}

/// Refuses one more when the limit is reached.
pub(super) fn fits_quota(desk: &Desk<'_>) -> Result<(), Refused> {
    let limit = desk.core.account(ME).quota("volumes", LIMIT);
    if u64::try_from(desk.state.blocks.len()).unwrap_or(u64::MAX) >= limit {
        return Err(invalid(
            "You have reached the maximum number of block storage subscriptions for this account.",
        ));
    }
    Ok(())
}

/// Makes it; billing starts now.
pub(super) fn make(desk: &mut Desk<'_>, wish: BlockWish) -> String {
    let (id, now) = (desk.core.ids.uuid(), desk.core.now());
    let span = Span {
        provider: ME,
        item: id.clone(),
        kind: "volume".to_owned(),
        kind_type: wish.kind.price_word().to_owned(),
        region: wish.region.clone(),
        owner: wish.belongs.owner.clone(),
        quantity: wish.size_gib,
        start: now,
        end: None,
    };
    desk.core.meter.start(&id, span);
    if !wish.stuck {
        desk.core
            .schedule(ME, UP, &Event::BlockUp { id: id.clone() });
    }
    desk.state.blocks.push(Block {
        id: id.clone(),
        label: wish.label,
        region: wish.region,
        size_gib: wish.size_gib,
        kind: wish.kind,
        active: false,
        instance: None,
        created_at: now,
        belongs: wish.belongs,
    });
    id
}

/// Relabels it, or lets it grow.
pub(super) fn update(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::BLOCK_UPDATE)?;
    let (now, id) = (desk.core.now(), call.id(0));
    let old = find(desk, id)?;
    let (was, kind) = (old.size_gib, old.kind);
    let size_gib = body["size_gb"].as_u64().unwrap_or(was);
    if size_gib < was {
        return Err(invalid("Block storage can only grow."));
    }
    fits_size(size_gib, kind)?;
    if size_gib > was {
        desk.core.meter.resize(id, size_gib, now);
    }
    let found = desk.state.block_mut(id);
    let found = found.ok_or_else(|| not_found("block storage"))?;
    found.size_gib = size_gib;
    if body.get("label").is_some() {
        let label = text(&body, "label");
        found.label.clone_from(&label);
        owners::relabelled(desk, id, &label);
    }
    Ok(Reply::empty(204))
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    if find(desk, call.id(0))?.instance.is_some() {
        return Err(invalid(STILL_ATTACHED));
    }
    remove(desk, call.id(0));
    Ok(Reply::empty(204))
}

/// Removes it; billing ends now.
pub(super) fn remove(desk: &mut Desk<'_>, id: &str) {
    let now = desk.core.now();
    desk.core.meter.stop(id, now);
    desk.state.blocks.retain(|b| b.id != id);
}
