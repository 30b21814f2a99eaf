//! Credentials, put onto every attempt anew: a token that expires between two attempts is replaced, a
//! signature is made of the attempt's own time.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::{Clock, Error, Secret};
use tokio::sync::Mutex;

use crate::request::{Request, Response};
use crate::transport::{Failure, Transport};

/// A way to prove who we are.
#[async_trait]
pub trait Auth: Debug + Send + Sync {
    /// Puts the credential (or the signature) onto a request that is about to be sent.
    async fn apply(&self, request: &mut Request) -> Result<(), Error>;

    /// The cloud answered 401. Forgets what was cached; true when another try may be given a new
    /// credential.
    async fn refused(&self) -> bool;

    /// Removes the credential from a text: some error pages repeat what they were sent.
    fn scrub(&self, text: &str) -> String;
}

/// One token that never changes.
#[derive(Clone, Debug)]
pub struct Bearer(pub Secret);

#[async_trait]
impl Auth for Bearer {
    async fn apply(&self, request: &mut Request) -> Result<(), Error> {
        set_bearer(request, &self.0);
        Ok(())
    }

    async fn refused(&self) -> bool {
        false
    }

    fn scrub(&self, text: &str) -> String {
        scrubbed(text, &self.0)
    }
}

/// Nobody in particular: public price lists.
#[derive(Clone, Copy, Debug)]
pub struct Anonymous;

#[async_trait]
impl Auth for Anonymous {
    async fn apply(&self, _: &mut Request) -> Result<(), Error> {
        Ok(())
    }

    async fn refused(&self) -> bool {
        false
    }

    fn scrub(&self, text: &str) -> String {
        text.to_owned()
    }
}

fn set_bearer(request: &mut Request, token: &Secret) {
    let value = format!("Bearer {}", token.reveal());
    request.headers.push(("authorization".to_owned(), value));
}

/// Replaces a secret in a text. Very short ones are left: they would tear words apart.
#[must_use]
pub fn scrubbed(text: &str, secret: &Secret) -> String {
    if secret.reveal().len() < 4 {
        return text.to_owned();
    }
    text.replace(secret.reveal(), "[secret]")
}

/// A token with its end.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token.
    pub secret: Secret,
    /// When it stops working.
    pub expires_at: DateTime<Utc>,
}

/// Where tokens that expire come from: an OAuth exchange, a metadata server.
#[async_trait]
pub trait TokenSource: Debug + Send + Sync {
    /// Gets a new one. Uses a client of its own, with its own retries.
    async fn fetch(&self) -> Result<Token, Error>;
}

/// Bearer tokens from a source, kept until shortly before they expire; one refresh at a time.
#[derive(Debug)]
pub struct TokenCache {
    clock: Arc<dyn Clock>,
    source: Arc<dyn TokenSource>,
    /// A token with less life than this is replaced, so that it does not expire on its way.
    least: TimeDelta,
    current: Mutex<Option<Token>>,
    /// All tokens of this process, for [`Auth::scrub`]: an answer may repeat one that was replaced.
    known: std::sync::Mutex<Vec<Secret>>,
}

impl TokenCache {
    /// A cache over `source`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, source: Arc<dyn TokenSource>) -> Self {
        Self {
            clock,
            source,
            least: TimeDelta::seconds(120),
            current: Mutex::new(None),
            known: std::sync::Mutex::default(),
        }
    }

    /// A token that works now.
    ///
    /// # Errors
    /// Those of the source, unless the token at hand still works.
    pub async fn token(&self) -> Result<Secret, Error> {
        let mut current = self.current.lock().await;
        let now = self.clock.now();
        if let Some(token) = &*current
            && token.expires_at - now > self.least
        {
            return Ok(token.secret.clone());
        }
        match (self.source.fetch().await, &*current) {
            (Ok(token), _) => {
                let secret = token.secret.clone();
                self.remember(&secret);
                *current = Some(token);
                Ok(secret)
            }
            (Err(_), Some(old)) if old.expires_at > now => Ok(old.secret.clone()),
            (Err(error), _) => Err(error),
        }
    }

    fn remember(&self, secret: &Secret) {
        let mut known = self
            .known
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if !known.contains(secret) {
            known.push(secret.clone());
        }
    }
}

#[async_trait]
impl Auth for TokenCache {
    async fn apply(&self, request: &mut Request) -> Result<(), Error> {
        set_bearer(request, &self.token().await?);
        Ok(())
    }

    async fn refused(&self) -> bool {
        self.current.lock().await.take().is_some()
    }

    fn scrub(&self, text: &str) -> String {
        let known = self
            .known
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        known
            .iter()
            .fold(text.to_owned(), |text, secret| scrubbed(&text, secret))
    }
}

/// The layer. A 401 is tried once more when the credential could be renewed: it surely was not
/// processed.
#[derive(Debug)]
pub struct Authed {
    inner: Arc<dyn Transport>,
    auth: Arc<dyn Auth>,
}

impl Authed {
    /// Wraps `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Transport>, auth: Arc<dyn Auth>) -> Self {
        Self { inner, auth }
    }

    async fn once(&self, request: &Request) -> Result<Response, Failure> {
        let mut signed = request.clone();
        self.auth
            .apply(&mut signed)
            .await
            .map_err(Failure::Refused)?;
        self.inner.send(&signed).await
    }
}

#[async_trait]
impl Transport for Authed {
    async fn send(&self, request: &Request) -> Result<Response, Failure> {
        let response = self.once(request).await?;
        if response.status == 401 && self.auth.refused().await {
            return self.once(request).await;
        }
        Ok(response)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::testing::{Queue, start};
    use kubelease_core::{Kind, ManualClock};

    /// Gives `t1`, `t2`, … with an hour of life each; fails from the call `fails_from` on.
    #[derive(Debug)]
    struct Mint {
        clock: ManualClock,
        calls: AtomicU32,
        fails_from: u32,
    }

    #[async_trait]
    impl TokenSource for Mint {
        async fn fetch(&self) -> Result<Token, Error> {
            let n = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::task::yield_now().await;
            if n >= self.fails_from {
                return Err(Error::new(Kind::Unavailable, "get token", "down"));
            }
            Ok(Token {
                secret: Secret::new(format!("token-{n}")),
                expires_at: self.clock.now() + TimeDelta::hours(1),
            })
        }
    }

    fn cache(fails_from: u32) -> (TokenCache, ManualClock, Arc<Mint>) {
        let clock = ManualClock::at(start());
        let mint = Arc::new(Mint {
            clock: clock.clone(),
            calls: AtomicU32::new(0),
            fails_from,
        });
        let cache = TokenCache::new(Arc::new(clock.clone()), mint.clone());
        (cache, clock, mint)
    }

    #[tokio::test]
    async fn four_callers_one_refresh() {
        let (cache, ..) = cache(u32::MAX);
        let tokens = four_at_once(&cache).await;
        assert!(tokens.iter().all(|t| t == "token-1"), "{tokens:?}");
    }

    async fn four_at_once(cache: &TokenCache) -> Vec<String> {
        let one = || async { cache.token().await.unwrap().reveal().to_owned() };
        let (a, b, c, d) = tokio::join!(one(), one(), one(), one());
        vec![a, b, c, d]
    }

    #[tokio::test]
    async fn renewed_before_the_end_and_kept_when_the_source_is_down() {
        let (cache, clock, mint) = cache(3);
        assert_eq!(cache.token().await.unwrap().reveal(), "token-1");
        clock.advance(TimeDelta::minutes(57));
        assert_eq!(cache.token().await.unwrap().reveal(), "token-1");
        clock.advance(TimeDelta::minutes(2));
        assert_eq!(cache.token().await.unwrap().reveal(), "token-2");
        // The source is down: the token is used to its very end, and not a second longer.
        clock.advance(TimeDelta::minutes(59));
        assert_eq!(cache.token().await.unwrap().reveal(), "token-2");
        clock.advance(TimeDelta::minutes(2));
        assert_eq!(cache.token().await.unwrap_err().kind, Kind::Unavailable);
        assert_eq!(mint.calls.load(Ordering::SeqCst), 4);
    }

    #[tokio::test]
    async fn a_401_renews_the_token_once() {
        let (cache, ..) = cache(u32::MAX);
        let queue = Queue::new();
        queue.always(401, "{}");
        let authed = Authed::new(queue.clone(), Arc::new(cache));
        let answer = authed.send(&Request::get("/x", "x")).await.unwrap();
        let sent: Vec<_> = queue
            .seen()
            .iter()
            .map(|r| r.headers[0].1.clone())
            .collect();
        assert_eq!(
            (answer.status, sent),
            (
                401,
                vec!["Bearer token-1".to_owned(), "Bearer token-2".to_owned()]
            )
        );
    }

    #[tokio::test]
    async fn a_fixed_token_is_sent_once_and_scrubbed() {
        let queue = Queue::new();
        queue.always(401, "{}");
        let bearer = Arc::new(Bearer(Secret::new("canary-1234")));
        let authed = Authed::new(queue.clone(), bearer.clone());
        assert_eq!(
            authed.send(&Request::get("/x", "x")).await.unwrap().status,
            401
        );
        assert_eq!(queue.seen().len(), 1);
        assert_eq!(
            bearer.scrub("token canary-1234 is bad"),
            "token [secret] is bad"
        );
    }
}
