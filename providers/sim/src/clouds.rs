//! The registry: which module plays which cloud. Adding a cloud is one line here.
//! A cloud without a module answers 501 to everything, loudly.

use kubelease_sim_kube::Effect;
use serde_json::Value;

use crate::account::Foreign;
use crate::cloud::{Cloud, Refusal, Resource};
use crate::core::Core;
use crate::digitalocean::DigitalOcean;
use crate::message::{Reply, Request};
use crate::meter::{Line, Usage};
use crate::provider::Provider;

/// Every cloud in the order of [`Provider::ALL`], with empty accounts.
#[must_use]
pub(crate) fn all(core: &Core) -> Vec<Box<dyn Cloud>> {
    let cloud = |provider| -> Box<dyn Cloud> {
        match provider {
            Provider::Aks => Box::new(crate::aks::Aks::new()),
            Provider::Digitalocean => Box::new(DigitalOcean::new(core)),
            Provider::Eks => Box::new(crate::eks::Eks::new()),

            Provider::Gke => Box::new(crate::gke::Gke::new()),
            Provider::Linode => Box::new(crate::linode::Linode::new()),
            Provider::Vultr => Box::new(crate::vultr::Vultr::new()),
            other => Box::new(Vacant(other)),
        }
    };
    Provider::ALL.into_iter().map(cloud).collect()
}

/// A cloud that has no module yet.
#[derive(Debug, Clone)]
struct Vacant(Provider);

impl Cloud for Vacant {
    fn provider(&self) -> Provider {
        self.0
    }

    fn handle(&mut self, _: &mut Core, request: &Request) -> Reply {
        Reply::not_simulated(self.0, &request.method, &request.path)
    }

    fn due(&mut self, _: &mut Core, _: Value) {}

    fn effect(&mut self, _: &mut Core, _: &str, _: Effect) {}

    fn resources(&self, _: &Core) -> Vec<Resource> {
        Vec::new()
    }

    fn bill(&self, _: &[Usage]) -> Vec<Line> {
        Vec::new()
    }

    fn adopt(&mut self, _: &mut Core, foreign: &[Foreign]) -> Result<(), String> {
        match foreign.first() {
            Some(first) => Err(format!(
                "{} has no module yet, so no {:?} can be made",
                self.0, first.kind
            )),
            None => Ok(()),
        }
    }

    fn refuse(&mut self, core: &mut Core, refusal: Refusal, request: &Request) -> Reply {
        match refusal {
            Refusal::Status(status) => Reply {
                status,
                ..self.handle(core, request)
            },
            _ => self.handle(core, request),
        }
    }

    fn is_list(&self, _: &Request) -> bool {
        false
    }

    fn partial(&self, reply: Reply) -> Reply {
        reply
    }

    fn save(&self) -> Value {
        Value::Null
    }

    fn load(&mut self, _: Value) -> Result<(), String> {
        Ok(())
    }

    fn copy(&self) -> Box<dyn Cloud> {
        Box::new(self.clone())
    }
}
