//! A cluster behind https for the kubectl tests: an in-test host that plays the cloud, and ways to run kubectl.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_sim_kube::{
    ApiRequest, Auth, BindingMode, Cluster, ClusterSpec, Effect, Flavour, Host, NodeSpec,
    ReclaimPolicy, Reply, StorageClassSpec, TlsIdentity, User, WatchBatch, WatchQuery, serve_tls,
    unauthorized,
};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const TOKEN: &str = "let-me-in";
/// Longest wall time any kubectl may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The cluster, its time, and the cloud's side of it.
struct Inner {
    cluster: Cluster,
    now: DateTime<Utc>,
    balancers: usize,
    volumes: usize,
    made: u32,
}

impl Inner {
    /// The cloud does everything at once.
    fn obey(&mut self) {
        loop {
            let effects = self.cluster.take_effects();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                self.made += 1;
                match effect {
                    Effect::EnsureLoadBalancer { service_uid, .. } => {
                        self.balancers += 1;
                        let ip = format!("203.0.113.{}", self.made);
                        self.cluster
                            .load_balancer_ready(&service_uid, Some(&ip), None, self.now);
                    }
                    Effect::DeleteLoadBalancer { service_uid } => {
                        self.balancers -= 1;
                        self.cluster.load_balancer_gone(&service_uid, self.now);
                    }
                    Effect::CreateVolume { pv_name, .. } => {
                        self.volumes += 1;
                        let handle = format!("vol-{}", self.volumes);
                        self.cluster.volume_created(&pv_name, &handle, self.now);
                    }
                    Effect::DeleteVolume { volume_handle } => {
                        self.volumes -= 1;
                        self.cluster.volume_deleted(&volume_handle, self.now);
                    }
                    Effect::AttachVolume { .. } | Effect::DetachVolume { .. } => {}
                }
            }
        }
    }
}

/// The host: one lock, one token, one second per request.
struct TestHost {
    inner: Mutex<Inner>,
    changed: watch::Sender<u64>,
}

impl TestHost {
    /// Lets one second pass.
    fn tick(&self) {
        let mut inner = self.inner.lock().unwrap();
        inner.now += TimeDelta::seconds(1);
        let now = inner.now;
        inner.cluster.advance(now);
        inner.obey();
        self.changed.send_replace(inner.cluster.resource_version());
    }
}

impl Host for TestHost {
    fn handle(&self, auth: Auth, mut req: ApiRequest) -> Reply {
        match (auth.client_cert_cn, auth.bearer.as_deref()) {
            (Some(cn), _) => {
                req.user = User {
                    name: cn,
                    groups: vec!["system:authenticated".to_owned()],
                }
            }
            (None, Some(TOKEN)) => {}
            _ => return Reply::Done(unauthorized()),
        }
        let mut inner = self.inner.lock().unwrap();
        inner.now += TimeDelta::seconds(1);
        let now = inner.now;
        let reply = inner.cluster.handle(&req, now);
        inner.obey();
        self.changed.send_replace(inner.cluster.resource_version());
        reply
    }

    fn poll_watch(&self, query: &WatchQuery, after: Option<u64>) -> WatchBatch {
        self.inner.lock().unwrap().cluster.watch_since(query, after)
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

/// A served cluster with its kubeconfig.
pub(crate) struct World {
    dir: tempfile::TempDir,
    host: Arc<TestHost>,
    server: JoinHandle<()>,
    ticker: JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.abort();
        self.ticker.abort();
    }
}

fn cluster(ca_pem: &str) -> (Cluster, DateTime<Utc>) {
    let now = DateTime::from_timestamp(1_750_000_000, 0).unwrap();
    let class = StorageClassSpec {
        name: "standard".into(),
        provisioner: "csi.example".into(),
        reclaim: ReclaimPolicy::Delete,
        binding: BindingMode::WaitForFirstConsumer,
        default: true,
        parameters: [].into(),
    };
    let flavour = Flavour {
        storage_classes: vec![class],
        csi_driver: "csi.example".into(),
        ..Flavour::default()
    };
    let spec = ClusterSpec {
        name: "practice".into(),
        seed: 7,
        git_version: "v1.33.1".into(),
        flavour,
        created_at: now,
        ca_pem: ca_pem.into(),
    };
    let mut cluster = Cluster::new(spec);
    let nodes: Vec<NodeSpec> = (1..=2)
        .map(|i| NodeSpec {
            name: format!("node-{i}"),
            ready: true,
            cpu_millis: 2000,
            memory_mib: 4096,
            pods: 110,
            labels: [].into(),
            provider_id: String::new(),
            internal_ip: format!("10.0.0.{i}"),
            external_ip: Some(format!("198.51.100.{i}")),
            created_at: now,
            git_version: "v1.33.1".into(),
        })
        .collect();
    cluster.set_nodes(&nodes, now);
    (cluster, now)
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

impl World {
    pub(crate) async fn kubectl_exists() -> bool {
        Command::new("kubectl")
            .args(["version", "--client"])
            .output()
            .await
            .is_ok_and(|o| o.status.success())
    }

    pub(crate) async fn start() -> Self {
        let identity = TlsIdentity::new("practice").unwrap();
        let (cluster, now) = cluster(identity.ca_pem());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("https://{}", listener.local_addr().unwrap());
        let inner = Inner {
            cluster,
            now,
            balancers: 0,
            volumes: 0,
            made: 0,
        };
        let host = Arc::new(TestHost {
            inner: Mutex::new(inner),
            changed: watch::Sender::new(0),
        });
        let serving = tokio::spawn(
            serve_tls(listener, &identity, Arc::clone(&host) as Arc<dyn Host>).unwrap(),
        );
        // While kubectl waits on a watch it sends nothing, so time must also pass by itself.
        let clock = Arc::clone(&host);
        let ticker = tokio::spawn(async move {
            let mut beat = tokio::time::interval(Duration::from_millis(100));
            loop {
                beat.tick().await;
                clock.tick();
            }
        });
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = identity.issue_client_cert("alice").unwrap();
        let certificate = format!(
            "{{client-certificate-data: {}, client-key-data: {}}}",
            base64(&cert),
            base64(&key)
        );
        let users = [
            ("config", format!("{{token: {TOKEN}}}")),
            ("wrong", "{token: nope}".to_owned()),
            ("certificate", certificate),
        ];
        for (file, user) in users {
            let ca = base64(identity.ca_pem());
            let config = format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
                 clusters: [{{name: c, cluster: {{server: '{server}', certificate-authority-data: {ca}}}}}]\nusers: [{{name: u, user: {user}}}]\n"
            );
            std::fs::write(dir.path().join(file), config).unwrap();
        }
        Self {
            dir,
            host,
            server: serving,
            ticker,
        }
    }

    /// Writes a manifest and returns its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn command(&self, config: &str, args: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        let home: &Path = self.dir.path();
        command
            .env("HOME", home)
            .env("KUBECONFIG", home.join(config))
            .args(args)
            .kill_on_drop(true)
            .stdin(Stdio::null());
        command
    }

    async fn run(&self, config: &str, args: &[&str]) -> (bool, String, String) {
        let output = tokio::time::timeout(PATIENCE, self.command(config, args).output());
        let output = output
            .await
            .unwrap_or_else(|_| panic!("kubectl {args:?} hangs"))
            .unwrap();
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        (
            output.status.success(),
            text(&output.stdout),
            text(&output.stderr),
        )
    }

    async fn succeed(&self, config: &str, args: &[&str]) -> String {
        let (fine, out, err) = self.run(config, args).await;
        assert!(fine, "kubectl {args:?} failed:\n{out}{err}");
        assert!(
            !err.contains("panic") && !err.contains("E1"),
            "kubectl {args:?} complains:\n{err}"
        );
        out
    }

    /// Runs kubectl, which must succeed; returns stdout.
    pub(crate) async fn ok(&self, args: &[&str]) -> String {
        self.succeed("config", args).await
    }

    /// As `ok`, with a client certificate instead of the token.
    pub(crate) async fn ok_with_certificate(&self, args: &[&str]) -> String {
        self.succeed("certificate", args).await
    }

    /// Runs kubectl, which must fail; returns stderr.
    pub(crate) async fn fails(&self, args: &[&str]) -> String {
        self.fails_as("config", args).await
    }

    /// As `fails`, with another kubeconfig.
    pub(crate) async fn fails_as(&self, config: &str, args: &[&str]) -> String {
        let (fine, out, err) = self.run(config, args).await;
        assert!(!fine, "kubectl {args:?} succeeded:\n{out}");
        err
    }

    /// Repeats a command until it prints nothing; each try moves time.
    pub(crate) async fn until_gone(&self, args: &[&str]) {
        let mut left = String::new();
        for _ in 0..50 {
            left = self.ok(args).await;
            if left.trim().is_empty() {
                return;
            }
        }
        panic!("still there:\n{left}");
    }

    /// Load balancers and volumes that exist in the cloud.
    pub(crate) fn leftovers(&self) -> (usize, usize) {
        let inner = self.host.inner.lock().unwrap();
        (inner.balancers, inner.volumes)
    }

    /// Starts kubectl and leaves it running.
    pub(crate) fn spawn(&self, args: &[&str]) -> Running {
        let mut child = self
            .command("config", args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Running { child, lines }
    }
}

/// A kubectl that runs until it is killed.
pub(crate) struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    /// Reads lines until one contains the text; returns what was read. Runs of spaces count as one.
    pub(crate) async fn read_until(&mut self, text: &str) -> String {
        let mut seen = String::new();
        loop {
            let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
            let line = line
                .unwrap_or_else(|_| panic!("waited for {text:?}, saw:\n{seen}"))
                .unwrap();
            let line = line.unwrap_or_else(|| panic!("kubectl ended before {text:?}:\n{seen}"));
            let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
            seen = format!("{seen}{line}\n");
            if line.contains(text) {
                return seen;
            }
        }
    }

    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}
