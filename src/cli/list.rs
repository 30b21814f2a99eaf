//! `list`: leases with what they cost; with `--all` also what we did not make.

use chrono::TimeDelta;
use clap::Args;
use kubelease_core::{Money, Owned, Scope};
use serde_json::{Value, json};

use super::app::{App, until};
use super::{CliError, exit};
use crate::duration::human;
use crate::guard::tick::MEMORY;
use crate::ledger::OwnerName;
use crate::views::{self, LeaseFigures};

/// List leases, with when they end and what they cost
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Also what kubelease did not make, read-only and priced (asks the clouds)
    #[arg(long, short)]
    all: bool,
    /// Also leases that have ended
    #[arg(long)]
    ended: bool,
    /// Only leases for this owner
    #[arg(long, value_name = "NAME")]
    owner: Option<OwnerName>,
}

pub(super) async fn run(app: &App, args: &ListArgs) -> Result<u8, CliError> {
    let mut leases = app.ledger().await?.leases(args.ended).await?;
    if args.owner.is_some() {
        leases.retain(|l| l.owner == args.owner);
    }
    let rows = app.figures_of(leases).await?;
    let (foreign, missing) = if args.all {
        foreign(app).await?
    } else {
        (Vec::new(), Vec::new())
    };
    if app.out.is_json() {
        let leases: Vec<Value> = rows.iter().map(views::lease).collect();
        let mut view = json!({ "leases": leases });
        if args.all {
            view["foreign"] = foreign.iter().map(Foreign::view).collect();
            view["incomplete"] = json!(missing);
        }
        app.out.json(&view);
    } else {
        table(app, &rows);
        if args.all {
            foreign_table(app, &foreign);
        }
    }
    for what in &missing {
        app.out.warn(what);
    }
    Ok(if missing.is_empty() {
        exit::OK
    } else {
        exit::CLOUD
    })
}

fn table(app: &App, rows: &[LeaseFigures]) {
    if rows.is_empty() {
        app.out
            .note("no leases; make one: kubelease create first-steps --provider PROVIDER");
        return;
    }
    let now = app.clock.now();
    // A column only where somebody uses it: most ledgers are one person's.
    let owned = rows.iter().any(|f| f.lease.owner.is_some());
    let row = |f: &LeaseFigures| {
        let l = &f.lease;
        let idle = f
            .quiet_since()
            .map(|at| human((now - at).max(TimeDelta::zero())));
        let expires = l.ended_at.map_or_else(
            || until(l.expires_at, now),
            |at| format!("ended {}", until(at, now)),
        );
        let mut cells = vec![
            l.name.clone(),
            l.provider.to_string(),
            l.order.region.clone(),
            l.status.as_str().to_owned(),
            expires,
            idle.unwrap_or_else(|| "-".to_owned()),
            f.cost.cents(),
            f.hold.cents(),
        ];
        if owned {
            let owner = l.owner.as_ref().map(ToString::to_string);
            cells.push(owner.unwrap_or_else(|| "-".to_owned()));
        }
        cells
    };
    let mut headers = vec![
        "NAME", "PROVIDER", "REGION", "STATUS", "EXPIRES", "IDLE", "COST", "HOLD",
    ];
    if owned {
        headers.push("OWNER");
    }
    app.out
        .table(&headers, rows.iter().map(row).collect(), &[6, 7]);
}

/// Something that exists and is not ours, or not of a lease that lives here.
struct Foreign {
    provider: kubelease_core::ProviderId,
    thing: Owned,
    hourly: Money,
}

impl Foreign {
    fn view(&self) -> Value {
        json!({
            "provider": self.provider,
            "kind": self.thing.target.kind,
            "id": self.thing.target.id,
            "name": self.thing.name,
            "region": self.thing.region,
            "owner": self.thing.owner.as_ref().map(|o| o.lease.clone()),
            "created_at": self.thing.created_at.map(views::time),
            "hourly": self.hourly,
            "monthly": monthly(self.hourly),
        })
    }
}

/// What it would cost in a month of 730 hours.
pub(super) fn monthly(hourly: Money) -> Money {
    hourly.ratio(730, 1)
}

/// Asks every cloud for all there is, minus what live leases own.
async fn foreign(app: &App) -> Result<(Vec<Foreign>, Vec<String>), CliError> {
    let ledger = app.ledger().await?;
    let live = ledger.leases(false).await?;
    let (clouds, unavailable) = app.clouds();
    // A cloud that the config leaves out is not missed.
    let mut missing: Vec<String> = unavailable
        .into_iter()
        .filter(|(p, _)| app.settings.file.asks(*p))
        .map(|(p, why)| format!("{p}: {why}"))
        .collect();
    let looks = clouds.iter().map(|(id, cloud)| {
        let (ledger, since) = (ledger.clone(), app.clock.now() - MEMORY);
        async move {
            let recorded = ledger.recorded(*id, since).await?;
            let listing = cloud
                .provider
                .owned(&Scope {
                    recorded: &recorded,
                    foreign: true,
                })
                .await;
            Ok::<_, CliError>((*id, listing))
        }
    });
    let mut out = Vec::new();
    for look in futures_util::future::join_all(looks).await {
        let (provider, listing) = look?;
        let listing = match listing {
            Ok(listing) => listing,
            Err(error) => {
                missing.push(error.to_string());
                continue;
            }
        };
        missing.extend(listing.missing.iter().map(|m| format!("{provider}: {m}")));
        for thing in listing.things {
            let ours = thing
                .owner
                .as_ref()
                .is_some_and(|o| live.iter().any(|l| l.id == o.lease));
            if !ours {
                let hourly = thing
                    .billed
                    .iter()
                    .map(|b| clouds[&provider].prices.hourly(b))
                    .sum();
                out.push(Foreign {
                    provider,
                    thing,
                    hourly,
                });
            }
        }
    }
    Ok((out, missing))
}

fn foreign_table(app: &App, rows: &[Foreign]) {
    app.out.note("");
    if rows.is_empty() {
        app.out.note("nothing else exists in these accounts");
        return;
    }
    let row = |f: &Foreign| {
        vec![
            f.provider.to_string(),
            f.thing.target.kind.clone(),
            f.thing.name.clone(),
            f.thing.region.clone(),
            f.thing.owner.as_ref().map_or_else(
                || "not ours".to_owned(),
                |o| format!("orphan of {}", o.lease),
            ),
            monthly(f.hourly).cents(),
        ]
    };
    let headers = ["PROVIDER", "KIND", "NAME", "REGION", "OWNER", "$/MONTH"];
    app.out
        .table(&headers, rows.iter().map(row).collect(), &[5]);
}
