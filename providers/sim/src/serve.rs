//! The ports of the clouds: each request is logged, meets its fault if there is one, and is answered by its cloud.
//! Must not know a vendor; what a fault means in a vendor's words is asked of the cloud.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::cloud::Refusal;
use crate::faults::{Action, When};
use crate::message::{Reply, Request};
use crate::provider::Provider;
use crate::server::Hangup;
use crate::shared::Shared;
use crate::world::World;

/// Bodies beyond this are refused.
pub(crate) const BODY_LIMIT: usize = 8 << 20;

/// One cloud's port.
#[derive(Debug)]
pub(crate) struct CloudPort {
    pub(crate) shared: Arc<Shared>,
    pub(crate) provider: Provider,
}

/// Answers one request to a cloud.
pub(crate) async fn answer(
    port: Arc<CloudPort>,
    mut request: Request,
) -> Result<(Reply, DateTime<Utc>), Hangup> {
    let provider = port.provider;
    let begun = port.shared.with(|world| {
        if let Some(route) = world.cloud(provider).0.route(&request) {
            request.path = route;
        }
        let n = world.log.arrived(provider, &request, world.core.now());
        match world.faults.meet(provider, &request) {
            None => Ok(finish(world, n, |world| world.apply(provider, &request))),
            Some((fault, action)) => Err((n, fault, action)),
        }
    });
    let (n, fault, action) = match begun {
        Ok(done) => return Ok(done),
        Err(met) => met,
    };
    let spoiled = Spoiled {
        shared: &port.shared,
        provider,
        fault,
    };
    let reply = spoiled.carry_out(action, request).await.ok_or(Hangup)?;
    Ok(port.shared.with(|world| finish(world, n, |_| reply)))
}

fn finish(
    world: &mut World,
    n: u64,
    work: impl FnOnce(&mut World) -> Reply,
) -> (Reply, DateTime<Utc>) {
    let reply = work(world);
    world.log.answered(n, reply.status);
    (reply, world.core.now())
}

impl World {
    fn apply(&mut self, provider: Provider, request: &Request) -> Reply {
        let (cloud, core) = self.cloud(provider);
        cloud.handle(core, request)
    }

    fn refuse(&mut self, provider: Provider, refusal: Refusal, request: &Request) -> Reply {
        let (cloud, core) = self.cloud(provider);
        cloud.refuse(core, refusal, request)
    }

    /// A list as of some reads ago; each read notes the state for later ones.
    fn stale(&mut self, provider: Provider, fault: u64, reads: u64, request: &Request) -> Reply {
        let present = self.clouds[provider.index()].copy();
        let Some(fault) = self.faults.get_mut(fault) else {
            return self.apply(provider, request);
        };
        fault.past.push(present);
        let kept = usize::try_from(reads)
            .unwrap_or(usize::MAX)
            .saturating_add(1);
        let surplus = fault.past.len().saturating_sub(kept);
        fault.past.drain(..surplus);
        match fault.past.first_mut() {
            Some(past) => past.handle(&mut self.core, request),
            None => self.apply(provider, request),
        }
    }
}

/// A request that met a fault.
struct Spoiled<'a> {
    shared: &'a Arc<Shared>,
    provider: Provider,
    fault: u64,
}

impl Spoiled<'_> {
    /// The spoiled answer, or none to hang up. Dropping the future (the client is gone) ends it where it stands.
    async fn carry_out(&self, action: Action, mut request: Request) -> Option<Reply> {
        match action {
            Action::Status {
                status,
                retry_after,
                body,
                when,
            } => {
                if when == When::After {
                    self.apply(&request);
                }
                let vendor = self.refuse(Refusal::Status(status), &request);
                let reply = body.map_or(vendor, |body| Reply::json(status, &body));
                Some(match retry_after {
                    Some(seconds) => reply.with("retry-after", seconds.to_string()),
                    None => reply,
                })
            }
            Action::Delay { ms } => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Some(self.apply(&request))
            }
            Action::Drop { when } => {
                if when == When::After {
                    self.apply(&request);
                }
                None
            }
            Action::Hold { when: When::Before } => {
                self.hold().await;
                Some(self.apply(&request))
            }
            Action::Hold { when: When::After } => {
                let reply = self.apply(&request);
                self.hold().await;
                Some(reply)
            }
            Action::NeverReady => {
                request.never_ready = true;
                Some(self.apply(&request))
            }
            other => Some(self.twist(&other, &request)),
        }
    }

    /// The actions that only change the answer and never wait.
    fn twist(&self, action: &Action, request: &Request) -> Reply {
        let is_list = self
            .shared
            .with(|world| world.cloud(self.provider).0.is_list(request));
        match action {
            Action::Stale { reads } if is_list => self
                .shared
                .with(|world| world.stale(self.provider, self.fault, *reads, request)),
            Action::Partial if is_list => {
                let reply = self.apply(request);
                self.shared
                    .with(|world| world.cloud(self.provider).0.partial(reply))
            }
            Action::Ghost if !is_list && request.method == "GET" => {
                self.refuse(Refusal::NotFound, request)
            }
            Action::InUse => self.refuse(Refusal::InUse, request),
            Action::Stockout => self.refuse(Refusal::Stockout, request),
            Action::Html { status } => Reply::text(*status, "text/html", proxy_page(*status)),
            Action::Truncated => {
                let reply = self.apply(request);
                let body = reply.body.slice(..reply.body.len() / 2);
                Reply { body, ..reply }
            }
            Action::Garbage => Reply {
                body: "\u{1b}[2J\u{0}{\"half\": <<<not json>>>".into(),
                content_type: Some("application/json"),
                ..self.apply(request)
            },
            Action::Enormous { bytes } => enormous(self.apply(request).status, *bytes),
            // Stale, partial and ghost say nothing about other requests.
            _ => self.apply(request),
        }
    }

    fn apply(&self, request: &Request) -> Reply {
        self.shared
            .with(|world| world.apply(self.provider, request))
    }

    fn refuse(&self, refusal: Refusal, request: &Request) -> Reply {
        self.shared
            .with(|world| world.refuse(self.provider, refusal, request))
    }

    /// Waits until the fault is deleted; meanwhile the control API shows that it holds.
    async fn hold(&self) {
        let _counted = Holding::new(self.shared.clone(), self.fault);
        self.shared
            .wait_until(|world| world.faults.get(self.fault).is_none().then_some(()))
            .await;
    }
}

/// Counts a held request for as long as it is held, also when its client goes away.
struct Holding {
    shared: Arc<Shared>,
    fault: u64,
}

impl Holding {
    fn new(shared: Arc<Shared>, fault: u64) -> Self {
        let holding = Self { shared, fault };
        holding.count(|n| n + 1);
        holding
    }

    fn count(&self, change: impl FnOnce(u64) -> u64) {
        self.shared.with(|world| {
            if let Some(fault) = world.faults.get_mut(self.fault) {
                fault.holding = change(fault.holding);
            }
        });
        self.shared.ring();
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.count(|n| n.saturating_sub(1));
    }
}

fn proxy_page(status: u16) -> String {
    let reason = match status {
        404 => "Not Found",
        502 => "Bad Gateway",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        _ => "Error",
    };
    format!(
        "<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n<center><h1>{status} {reason}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
}

fn enormous(status: u16, bytes: u64) -> Reply {
    let (start, end) = (r#"{"padding":""#, r#""}"#);
    let padding = usize::try_from(bytes)
        .unwrap_or(0)
        .saturating_sub(start.len() + end.len());
    // By hand: serialising so much text looks at every byte.
    let body = [start, &"x".repeat(padding), end].concat();
    let json = Reply::json(status, &json!({}));
    Reply {
        body: body.into(),
        ..json
    }
}
