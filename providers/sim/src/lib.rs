//! placeholder docs
pub mod account;
pub mod clock;
pub mod cloud;
mod clouds;
mod control;
pub mod core;
pub mod digitalocean;
mod duration;
pub mod faults;
pub mod ids;
pub mod kube;
mod kube_serve;
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
mod world;

pub use clock::ClockMode;
pub use provider::Provider;
pub use sim::{Handle, Options, Ready, Running, Service, Sim, run, spawn_thread};
