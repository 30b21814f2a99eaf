//! `create`: quote, hold, create, wait, kubeconfig.

use std::sync::Arc;

use chrono::TimeDelta;
use clap::Args;
use kubelease_core::{Account, Error, LeaseId, Money, ProviderId};
use serde_json::json;

use super::app::{App, new_lease_id};
use super::elsewhere::{self, Wish};
use super::render::Progress;
use super::{CliError, ci, exit, kubeconfig};
use crate::credit::Credit;
use crate::duration::{exact, human, parse};
use crate::engine::run::{Forward, Patience, owner_tag};
use crate::engine::{CLAIM, Cloud, Engine, EngineError};
use crate::ledger::{Lease, LedgerError, NewLease, OwnerName, Reason, Status};
use crate::profile::{self, Profile};
use crate::quote::{self, Inputs, NoQuote, Quote, affordable};
use crate::views;

/// A maker that has waited for its whole timeout still needs a moment to say so.
const GIVEN_UP: TimeDelta = TimeDelta::minutes(5);

/// Create a cluster from a profile, with a time to live and a hold on the free credit
#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// A built-in profile (first-steps, workloads, cka, ckad) or a TOML file
    profile: String,
    /// Which cloud: gke, eks, aks, digitalocean, linode or vultr
    #[arg(long, short)]
    provider: Option<ProviderId>,
    /// Name of the lease and of the cluster
    #[arg(long, short)]
    name: Option<String>,
    /// The cloud's region or zone
    #[arg(long, short)]
    region: Option<String>,
    /// How long it lives, for example 4h
    #[arg(long, value_name = "DURATION")]
    ttl: Option<String>,
    /// The most that it may cost, for example 2.00
    #[arg(long, value_name = "DOLLARS")]
    budget: Option<Money>,
    /// Who it is for (else KUBELEASE_OWNER, else `owner` of config.toml)
    #[arg(long, value_name = "NAME")]
    owner: Option<OwnerName>,
    /// Only show the quote
    #[arg(long)]
    dry_run: bool,
    /// Show the arithmetic of the quote
    #[arg(long)]
    explain: bool,
    /// Do not wait until it is ready; the guard goes on
    #[arg(long)]
    no_wait: bool,
    /// How long to wait at most
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "1h",
        default_value_if("ci", "true", "30m")
    )]
    timeout: String,
    /// For a job that can be cancelled: a signal marks the lease for removal, here and on the cloud
    /// object, in under ten seconds, and the next guard tick anywhere ends it
    #[arg(long, conflicts_with_all = ["no_wait", "keep_failed"])]
    ci: bool,
    /// Keep what was made when the create fails, to look at it
    #[arg(long)]
    keep_failed: bool,
}

/// What was decided before anything is promised.
struct Decided {
    cloud: Cloud,
    profile: Profile,
    lease: Lease,
    quote: Quote,
    credit: Credit,
    timeout: TimeDelta,
}

pub(super) async fn run(app: &App, args: &CreateArgs) -> Result<u8, CliError> {
    if args.ci {
        app.listen();
    }
    let deciding = Box::pin(decide(app, args));
    let decided = match args.ci {
        true => ci::unless_stopped(app, deciding).await?,
        false => deciding.await?,
    };
    let Some(decided) = decided else {
        return Ok(exit::OK);
    };
    let work = Box::pin(async {
        let Decided {
            cloud,
            profile,
            lease,
            quote,
            credit,
            timeout,
        } = &decided;
        if let Err(error) = reserve(app, cloud, lease, quote, credit).await {
            let wish = Wish {
                profile,
                ttl: quote.ttl,
                budget: lease.budget,
                refused_by: lease.provider,
            };
            return Err(elsewhere::add(app, error, wish).await);
        }
        // The name is this lease's now: what had it before does not come back.
        app.ledger().await?.forget_return(&lease.name).await?;
        build(app, args, cloud, lease.clone(), quote, *timeout).await
    });
    match args.ci {
        true => ci::watched(app, &decided.cloud, &decided.lease, work).await,
        false => work.await,
    }
}

/// Quotes, and says yes or no; none when that was all that was asked.
async fn decide(app: &App, args: &CreateArgs) -> Result<Option<Decided>, CliError> {
    let profile = load(&args.profile)?;
    let provider = provider(app, args)?;
    let ttl = ttl(args, &profile)?;
    let timeout = duration(&args.timeout)?;
    // Opened first: it has the newest prices.
    app.ledger().await?;
    let cloud = app.cloud(provider)?;
    let (catalog, account) = tokio::join!(cloud.catalog(), cloud.provider.account());
    let (catalog, account) = (catalog?, account?);
    locked(&account, provider)?;
    let beside = app.beside(provider).await?;
    let inputs = Inputs {
        profile: &profile,
        catalog: &catalog,
        capability: cloud.provider.capability(),
        account: Some(&account),
        region: args.region.as_deref(),
        ttl,
        now: app.clock.now(),
        beside: &beside,
    };
    let budget = [
        args.budget,
        profile.budget_max,
        app.settings.file.budget_max,
    ]
    .into_iter()
    .flatten()
    .min();
    let wish = Wish {
        profile: &profile,
        ttl,
        budget,
        refused_by: provider,
    };
    let quote = match quote::quote(&inputs) {
        Ok(quote) => quote,
        Err(refusal) => return Err(elsewhere::told(app, refusal, wish).await),
    };
    let credit = app.credit(provider, true).await?;
    let verdict = affordable(&quote, &credit, budget, inputs.now);
    if inputs.capability.volumes_on_request && profile.expect.volumes_gib.is_empty() {
        app.out.note(&format!(
            "a claim for a volume will wait: on {provider} a cluster gets a storage driver only when \
             its profile expects volumes, as `workloads` does"
        ));
    }
    if args.dry_run {
        dry_run(app, &quote, &credit, verdict.as_ref().err(), args.explain);
    } else {
        show_quote(app, &quote, &credit, args.explain);
    }
    if let Err(refusal) = verdict {
        return Err(elsewhere::told(app, refusal, wish).await);
    }
    if args.dry_run {
        return Ok(None);
    }
    let id = new_lease_id()?;
    let mut lease = lease(args, &profile, &quote, &cloud, id, budget)?;
    let standing = || app.settings.file.owner.clone();
    lease.owner = args.owner.clone().or_else(standing);
    if args.ci {
        // Until it is ready, its tag says that it ends when this process gives up.
        lease.ci = true;
        lease.order.expires_at = lease.created_at + timeout + GIVEN_UP;
    }
    Ok(Some(Decided {
        cloud,
        profile,
        lease,
        quote,
        credit,
        timeout,
    }))
}

fn load(argument: &str) -> Result<Profile, CliError> {
    Ok(profile::load(argument)?)
}

fn provider(app: &App, args: &CreateArgs) -> Result<ProviderId, CliError> {
    if let Some(provider) = args.provider {
        return Ok(provider);
    }
    match &app.settings.file.provider {
        Some(name) => name
            .parse()
            .map_err(|e| CliError::new(exit::CONFIG, format!("config.toml: {e}"))),
        None => Err(
            CliError::new(exit::USAGE, "which cloud? --provider is missing")
                .hint("compare them first: kubelease prices"),
        ),
    }
}

fn duration(text: &str) -> Result<TimeDelta, CliError> {
    parse(text).map_err(|e| CliError::new(exit::USAGE, e.to_string()))
}

fn ttl(args: &CreateArgs, profile: &Profile) -> Result<TimeDelta, CliError> {
    let Some(text) = &args.ttl else {
        return Ok(profile.lease.ttl);
    };
    let ttl = duration(text)?;
    let most = profile.lease.max_ttl;
    if ttl > most {
        let message = format!(
            "--ttl {} is over the profile's max_ttl of {}",
            human(ttl),
            human(most)
        );
        return Err(CliError::new(exit::REFUSED, message)
            .hint(format!("use --ttl {} or less", exact(most))));
    }
    Ok(ttl)
}

/// A locked account would take the order and then fail late.
fn locked(account: &Account, provider: ProviderId) -> Result<(), CliError> {
    if account.status.contains("locked") {
        let message = format!(
            "the {provider} account of {} is {}",
            account.identity, account.status
        );
        return Err(
            CliError::new(exit::REFUSED, message).hint("open the vendor's console to unlock it")
        );
    }
    Ok(())
}

fn lease(
    args: &CreateArgs,
    profile: &Profile,
    quote: &Quote,
    cloud: &Cloud,
    id: LeaseId,
    budget: Option<Money>,
) -> Result<Lease, CliError> {
    let tail: String = id.as_str().chars().skip(1).take(5).collect();
    let name = args
        .name
        .clone()
        .unwrap_or_else(|| format!("{}-{tail}", profile.name));
    let rule = &cloud.provider.capability().name;
    rule.check(&name).map_err(|message| {
        let short = like(&name, rule.max.min(20));
        CliError::new(exit::USAGE, message).hint(format!("for example --name {short}"))
    })?;
    // Order, lease and quote end in the same second.
    let now = quote.made_at();
    Ok(Lease {
        order: quote.order(id.clone(), &name, profile),
        id,
        name,
        provider: quote.provider,
        profile: profile.name.clone(),
        profile_toml: profile.source.clone(),
        status: Status::Creating,
        created_at: now,
        ready_at: None,
        expires_at: now + quote.ttl,
        protect_until: None,
        ended_at: None,
        reason: None,
        endpoint: None,
        budget,
        worker: Some((crate::engine::Worker::this_process().0, now + CLAIM)),
        ci: false,
        owner: None,
    })
}

/// A name that every cloud takes and that is like the one that was wanted.
fn like(name: &str, most: usize) -> String {
    let plain = name.to_ascii_lowercase();
    let plain = plain.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let letters = plain
        .chars()
        .filter(|c| matches!(c, 'a'..='z' | '0'..='9' | '-'));
    let short: String = letters.take(most).collect();
    match short.trim_end_matches('-') {
        "" => "lab".to_owned(),
        short => short.to_owned(),
    }
}

/// Lease, plan and hold become durable, or nothing does.
async fn reserve(
    app: &App,
    cloud: &Cloud,
    lease: &Lease,
    quote: &Quote,
    credit: &Credit,
) -> Result<(), CliError> {
    let steps = cloud.provider.plan(&lease.order)?;
    let new = NewLease {
        lease: lease.clone(),
        steps,
        hold: quote.total,
    };
    match app.ledger().await?.reserve(&new, &credit.cap()).await {
        Err(LedgerError::DoesNotFit { .. }) => {
            // Another process was faster: quote again, so that the refusal names what fits now.
            let credit = app.credit(lease.provider, false).await?;
            affordable(quote, &credit, None, app.clock.now())?;
            Err(CliError::new(
                exit::REFUSED,
                "the credit was held by another process; try again",
            ))
        }
        other => Ok(other?),
    }
}

async fn build(
    app: &App,
    args: &CreateArgs,
    cloud: &Cloud,
    lease: Lease,
    quote: &Quote,
    timeout: TimeDelta,
) -> Result<u8, CliError> {
    let usual = cloud.provider.capability().usual_create_seconds;
    let progress = Arc::new(Progress::new(&app.out, usual, Some(quote.clone())));
    let engine = app.engine(Arc::clone(&progress) as Arc<_>).await?;
    let patience = match args.no_wait {
        true => Patience::None,
        false => Patience::Until(app.clock.now() + timeout),
    };
    let went = engine.forward(&*cloud.provider, &lease, patience).await;
    progress.finish();
    match went {
        Ok(Forward::Pending) => {
            engine.ledger.unclaim(&lease.id, &engine.worker.0).await?;
            app.out.note(&format!(
                "{} is being made; the guard goes on with it",
                lease.name
            ));
            shown(app, &lease.id, None).await
        }
        Ok(Forward::Ready) => {
            first_look(&engine, cloud, &lease).await;
            engine.ledger.unclaim(&lease.id, &engine.worker.0).await?;
            let lease = app.lease(lease.id.as_str()).await?;
            let file = kubeconfig::write(app, cloud, &lease).await?;
            if args.ci {
                // Last: until here a killed maker leaves a tag that ends soon.
                settle(&engine, cloud, &lease).await?;
            }
            shown(app, &lease.id, Some(&file)).await
        }
        Err(error) => Err(undo(app, args, &engine, cloud, &lease, error).await),
    }
}

/// Books what exists from the start, so that `list` knows what runs before the first tick. A failure is
/// the next tick's to repeat.
async fn first_look(engine: &Engine, cloud: &Cloud, lease: &Lease) {
    engine.look_and_book(cloud, lease).await.ok();
}

/// From now on the tag says when the lease really ends.
async fn settle(engine: &Engine, cloud: &Cloud, lease: &Lease) -> Result<(), CliError> {
    let view = engine.view(lease).await?;
    let told = cloud.provider.retag(&view, &owner_tag(lease)).await;
    told.map_err(|error| {
        CliError::from(error).hint(format!(
            "it runs, but other machines may end it early; tell the cloud: kubelease extend {} 1s",
            lease.name
        ))
    })
}

/// A failed create leaves nothing behind, unless asked to.
async fn undo(
    app: &App,
    args: &CreateArgs,
    engine: &Engine,
    cloud: &Cloud,
    lease: &Lease,
    error: EngineError,
) -> CliError {
    let hopeless = match &error {
        EngineError::Failed { .. } => true,
        EngineError::Cloud(e) => !matches!(e.kind, kubelease_core::Kind::Unauthenticated),
        _ => false,
    };
    if !hopeless || args.keep_failed {
        let mut told = CliError::from(error);
        for hint in &mut told.hints {
            *hint = hint.replace("NAME", &lease.name);
        }
        return told;
    }
    let quota = matches!(
        &error,
        EngineError::Cloud(Error {
            kind: kubelease_core::Kind::QuotaExceeded,
            ..
        })
    );
    let mut told = CliError::from(error);
    match engine.teardown(cloud, lease, Reason::Failed).await {
        Ok(receipt) if receipt.leftovers.is_empty() => {
            told.code = if quota { exit::REFUSED } else { exit::CLOUD };
            told.hints
                .push("everything that was created so far was removed".to_owned());
        }
        Ok(receipt) => {
            told.code = exit::MAY_REMAIN;
            let left: Vec<_> = receipt
                .leftovers
                .iter()
                .map(|l| l.target.to_string())
                .collect();
            told.hints.push(format!(
                "these may remain: {}; kubelease guard tick tries again",
                left.join(", ")
            ));
        }
        Err(again) => {
            told.code = exit::MAY_REMAIN;
            told.causes.push(again.to_string());
            told.hints
                .push(format!("end it later: kubelease delete {}", lease.name));
        }
    }
    app.out.note("undone");
    told
}

async fn shown(
    app: &App,
    id: &LeaseId,
    kubeconfig: Option<&std::path::Path>,
) -> Result<u8, CliError> {
    let lease = app.lease(id.as_str()).await?;
    let figures = app.figures(lease).await?;
    if app.out.is_json() {
        app.out.json(&json!({ "lease": views::lease(&figures) }));
        return Ok(exit::OK);
    }
    let lease = &figures.lease;
    let now = app.clock.now();
    app.out.data(&format!(
        "{} is {} on {} ({}, {} × {}), ends {} at {}, {} held",
        lease.name,
        lease.status.as_str(),
        lease.provider,
        lease.order.region,
        lease.order.count,
        lease.order.size,
        super::app::until(lease.expires_at, now),
        lease.expires_at.format("%Y-%m-%d %H:%M UTC"),
        figures.hold.cents(),
    ));
    if let Some(file) = kubeconfig {
        app.out
            .data(&format!("export KUBECONFIG={}", file.display()));
    }
    if app.unwatched().await? {
        app.out
            .warn("no guard tick was seen in the last hour: install one with `kubelease guard install --apply`");
    }
    Ok(exit::OK)
}

fn dry_run(app: &App, quote: &Quote, credit: &Credit, refused: Option<&NoQuote>, explain: bool) {
    if app.out.is_json() {
        let runway = credit.runway(quote.hourly, app.clock.now());
        let view = views::quote(quote, runway, refused);
        app.out.json(&json!({ "quotes": [view] }));
    } else {
        app.out.quote(quote, explain, false);
    }
}

fn show_quote(app: &App, quote: &Quote, credit: &Credit, explain: bool) {
    app.out.quote(quote, explain, true);
    app.out.note(&format!(
        "holding {} of {} available on the {} credit",
        quote.total.cents(),
        credit.available_at(app.clock.now()).cents(),
        quote.provider,
    ));
}
