//! Starting and stopping a simulator: on the runtime of the caller, on a thread of its own, or until a signal.
//! Must not print: the command line prints [`Ready`].

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::clock::{ClockMode, whole_millis};
use crate::control;
use crate::kube_serve;
use crate::provider::Provider;
use crate::serve::{self, CloudPort};
use crate::server;
use crate::shared::Shared;
use crate::world::World;

/// How to start a simulator.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Control port; the clouds get the ports after it. 0 takes any free ports.
    pub port: u16,
    /// How virtual time moves.
    pub clock: ClockMode,
    /// When it begins. Without one: 2026-01-05T08:00:00Z, in real mode the wall clock.
    pub start: Option<DateTime<Utc>>,
}

/// Where a started simulator listens; as JSON the line that `kubelease sim` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ready {
    /// Base URL of the control API.
    pub control: String,
    /// Base URLs of the clouds, in the order of their ports.
    pub endpoints: BTreeMap<Provider, String>,
}

/// The simulator as a product: see [`Sim::start`].
#[derive(Debug, Clone, Copy)]
pub struct Sim;

/// A simulator running on the current runtime; dropping it closes every port and connection.
#[derive(Debug)]
pub struct Running {
    ready: Ready,
    tasks: JoinSet<()>,
}

impl Sim {
    /// Starts a simulator on the current runtime.
    ///
    /// # Errors
    /// When a port is taken.
    pub async fn start(options: Options) -> io::Result<Running> {
        let mut world = World::new(options.clock, options.start.map(whole_millis));
        let (doors, opened) = tokio::sync::mpsc::unbounded_channel();
        world
            .core
            .kube
            .attach(Some(doors))
            .map_err(io::Error::other)?;
        let shared = Shared::new(world);
        let mut tasks = JoinSet::new();

        let control = server::listen(options.port).await?;
        let control_url = url_of(&control)?;
        let state = shared.clone();
        tasks.spawn(async move {
            let serve = |stream| {
                server::converse(stream, control::BODY_LIMIT, state.clone(), control::answer)
            };
            match server::accept(control, serve).await {}
        });
        let mut endpoints = BTreeMap::new();
        for (place, provider) in (1..).zip(Provider::ALL) {
            let port = if options.port == 0 {
                0
            } else {
                options
                    .port
                    .checked_add(place)
                    .ok_or(io::ErrorKind::AddrNotAvailable)?
            };
            let listener = server::listen(port).await?;
            endpoints.insert(provider, url_of(&listener)?);
            let state = Arc::new(CloudPort {
                shared: shared.clone(),
                provider,
            });
            tasks.spawn(async move {
                let serve = |stream| {
                    server::converse(stream, serve::BODY_LIMIT, state.clone(), serve::answer)
                };
                match server::accept(listener, serve).await {}
            });
        }
        shared.opened(&endpoints);
        tasks.spawn(kube_serve::keep_doors(shared.clone(), opened));
        if let ClockMode::Real { .. } = options.clock {
            tasks.spawn(async move { shared.drive().await });
        }
        Ok(Running {
            ready: Ready {
                control: control_url,
                endpoints,
            },
            tasks,
        })
    }
}

fn url_of(listener: &tokio::net::TcpListener) -> io::Result<String> {
    Ok(format!("http://{}", listener.local_addr()?))
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Closes every port and connection.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// A simulator that ends on SIGTERM or SIGINT; made by [`run`].
#[derive(Debug)]
pub struct Service {
    running: Running,
    terminate: Signal,
    interrupt: Signal,
}

/// Starts a simulator for a command: print [`Service::ready`], then await [`Service::until_stopped`]. Signals that arrive from now on
/// are not lost.
///
/// # Errors
/// When a port is taken or signals cannot be heard.
pub async fn run(options: Options) -> io::Result<Service> {
    let terminate = signal(SignalKind::terminate())?;
    let interrupt = signal(SignalKind::interrupt())?;
    Ok(Service {
        running: Sim::start(options).await?,
        terminate,
        interrupt,
    })
}

impl Service {
    /// Where it listens.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        self.running.ready()
    }

    /// Serves until a signal asks for the end.
    pub async fn until_stopped(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        self.running.stop().await;
    }
}

/// A simulator on a thread of its own; dropping it stops it.
#[derive(Debug)]
pub struct Handle {
    /// Base URL of the control API.
    pub control: String,
    /// Base URLs of the clouds.
    pub endpoints: BTreeMap<Provider, String>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Starts a simulator on a thread of its own, with a runtime of one thread.
///
/// # Errors
/// When a port is taken or no thread can be had.
pub fn spawn_thread(options: Options) -> io::Result<Handle> {
    let (tell, started) = mpsc::channel();
    let (end, ended) = oneshot::channel::<()>();
    let live = async move {
        let running = match Sim::start(options).await {
            Ok(running) => running,
            Err(error) => return tell.send(Err(error)).unwrap_or_default(),
        };
        // The one who waits for this is still in `spawn_thread`.
        tell.send(Ok(running.ready().clone())).unwrap_or_default();
        // A dropped sender means the same as a message: the handle is gone.
        ended.await.unwrap_or_default();
        running.stop().await;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let thread = std::thread::Builder::new()
        .name("kubelease-sim".to_owned())
        .spawn(move || runtime.block_on(live))?;
    let ready = started.recv().map_err(io::Error::other)??;
    Ok(Handle {
        control: ready.control,
        endpoints: ready.endpoints,
        end: Some(end),
        thread: Some(thread),
    })
}

impl Handle {
    /// Stops the simulator and waits for its end.
    pub fn stop(mut self) {
        self.end_it();
    }

    fn end_it(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A panic of that thread was its own message; there is nothing to add here.
            thread.join().unwrap_or_default();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.end_it();
    }
}
