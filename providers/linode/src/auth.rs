//! The bearer token, and what to tell a person whose token is not enough.

use std::sync::Arc;

use kubelease_core::Secret;
use kubelease_http::{Auth, Bearer};

/// Shown with a 401.
pub(crate) const GET_A_TOKEN: &str =
    "set LINODE_TOKEN to a personal access token from https://cloud.linode.com/profile/tokens";

/// The token as a header of every attempt. A line break at its end comes from a file and is not part
/// of it.
pub(crate) fn bearer(token: &Secret) -> Arc<dyn Auth> {
    Arc::new(Bearer(Secret::new(token.reveal().trim())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kubelease_http::Request;

    #[tokio::test]
    async fn a_token_from_a_file_loses_its_line_break() {
        let mut request = Request::get("/v4/account", "read account");
        let applied = bearer(&Secret::new("abc123\n")).apply(&mut request).await;
        assert!(applied.is_ok());
        let header = ("authorization".to_owned(), "Bearer abc123".to_owned());
        assert_eq!(request.headers, [header]);
    }
}
