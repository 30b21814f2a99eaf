//! A Kubernetes API server as a state machine, good enough for a real `kubectl`.
//!
//! What it is for: every cluster in the cloud simulator has one [`Cluster`]. It stores objects, runs the plain controllers
//! (workloads, services, volumes, garbage collection) in virtual time, and answers the requests of `kubectl` and of the code under test.
//!
//! How a host drives it:
//! 1. [`Cluster::handle`] for each request (it first catches up with `now`), [`Cluster::advance`] when time passes.
//!    To keep cloud effects at their exact time, step through [`Cluster::next_due`] instead of jumping over it.
//! 2. After each of these, [`Cluster::take_effects`]: what the cloud must do. The host answers through `load_balancer_ready`,
//!    `volume_created` and their siblings.
//! 3. [`serve_tls`] puts it on a port with certificates of its own certificate authority ([`TlsIdentity`]).
//!
//! What it must not do: know a cloud (differences are data in [`Flavour`]), read a clock, use randomness for state, or call out.
//! The only randomness is in the keys of [`TlsIdentity`], the only wall time in the timeout of a watch ([`serve_tls`]).

mod api;
mod bootstrap;
mod cluster;
mod controllers;
mod defaults;
mod discovery;
mod errors;
mod ids;
mod meta;
mod metrics;
mod obj;
mod openapi;
mod patch;
mod proto;
mod quantity;
mod schema;
mod select;
mod serve;
mod store;
mod strategic;
mod table;
#[cfg(test)]
mod testkit;
mod timers;
mod tls;
mod types;
mod validate;
mod watch;

pub use api::{ApiRequest, ApiResponse, Reply, User};
pub use cluster::Cluster;
pub use errors::{forbidden, unauthorized};
pub use serve::{Auth, Host, serve_tls};
pub use tls::{TlsError, TlsIdentity};
pub use types::{
    BindingMode, ClusterSpec, Effect, Flavour, LbPort, NodeSpec, ReclaimPolicy, StorageClassSpec,
    SystemWorkload,
};
pub use watch::{WatchBatch, WatchQuery};
