//! The bearer token, and what to tell a person whose key is not enough.

use std::sync::Arc;

use kubelease_core::Secret;
use kubelease_http::{Auth, Bearer};

/// Shown with a 401.
pub(crate) const GET_A_KEY: &str =
    "set VULTR_API_KEY to a key from https://my.vultr.com/settings/#settingsapi";

/// Shown with a 401 that names our address: a key works only from the addresses of its list.
pub(crate) const ALLOW_THE_ADDRESS: &str = "add this machine's address to the access control list of the key, at https://my.vultr.com/settings/#settingsapi";

/// The key as a header of every attempt. A line break at its end comes from a file and is not part of
/// it.
pub(crate) fn bearer(key: &Secret) -> Arc<dyn Auth> {
    Arc::new(Bearer(Secret::new(key.reveal().trim())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kubelease_http::Request;

    #[tokio::test]
    async fn a_key_from_a_file_loses_its_line_break() {
        let mut request = Request::get("/v2/account", "read account");
        let applied = bearer(&Secret::new("KEY\n")).apply(&mut request).await;
        assert!(applied.is_ok());
        let header = ("authorization".to_owned(), "Bearer KEY".to_owned());
        assert_eq!(request.headers, [header]);
    }
}
