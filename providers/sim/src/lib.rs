//! A simulator of managed Kubernetes clouds with state, virtual time, faults and a meter.
//!
//! What it is for: tests of kubelease, and of anybody else who manages clusters, without a cloud. It must not share code with a client crate,
//! listen anywhere but on the loopback address, or print.
//!
//! How it is built: `sim` starts servers (`server`, `serve` for clouds, `control`, `kube_serve` for clusters) around one `shared` `world`
//! behind a lock. A world is a [`clock`], a [`core::Core`] (ids, queue, meter, accounts, Kubernetes APIs) and six [`cloud::Cloud`]s, pure
//! state machines. [`faults`] come between a request and its cloud.
//!
#![doc = include_str!("../README.md")]

pub mod account;
pub mod aks;
pub mod clock;
pub mod cloud;
mod clouds;
mod control;
pub mod core;
pub mod digitalocean;
mod duration;
pub mod eks;
pub mod faults;
pub mod gke;
pub mod ids;
pub mod kube;
mod kube_serve;
pub mod linode;
pub mod message;
pub mod meter;
pub mod money;
mod provider;
pub mod queue;
mod requests;
mod serve;
mod server;
pub mod shape;
mod shared;
mod sim;
pub mod vultr;
mod world;

pub use clock::ClockMode;
pub use provider::Provider;
pub use sim::{Handle, Options, Ready, Running, Service, Sim, run, spawn_thread};
