//! Certificates of a simulated cluster: its own authority, a server certificate for the loopback names, and client certificates.
//! Keys are the one thing in this crate that is random. They are kept as PEM so that a snapshot of the world holds them.

use std::fmt;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde::{Deserialize, Serialize};

/// Why certificates could not be made or loaded.
#[derive(Debug)]
pub struct TlsError(String);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "simulated cluster's certificates: {}", self.0)
    }
}

impl std::error::Error for TlsError {}

fn failed(e: impl fmt::Display) -> TlsError {
    TlsError(e.to_string())
}

/// The certificate authority and server certificate of one cluster.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsIdentity {
    name: String,
    ca_pem: String,
    ca_key_pem: String,
    server_pem: String,
    server_key_pem: String,
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsIdentity")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The authority's parameters, a function of its name: with the kept key they make the same issuer again.
fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, format!("{name} CA"));
    params
}

impl TlsIdentity {
    /// Makes a new authority of that name and a server certificate for `127.0.0.1` and `localhost`.
    ///
    /// # Errors
    /// When the random source or the signature fails.
    pub fn new(name: &str) -> Result<Self, TlsError> {
        let key = KeyPair::generate().map_err(failed)?;
        let ca = authority(name).self_signed(&key).map_err(failed)?;
        let mut identity = Self {
            name: name.to_owned(),
            ca_pem: ca.pem(),
            ca_key_pem: key.serialize_pem(),
            server_pem: String::new(),
            server_key_pem: String::new(),
        };
        let names = vec![
            "127.0.0.1".to_owned(),
            "localhost".to_owned(),
            "kubernetes.default.svc".to_owned(),
        ];
        let params = CertificateParams::new(names).map_err(failed)?;
        (identity.server_pem, identity.server_key_pem) = identity.issue(
            params,
            "kube-apiserver",
            ExtendedKeyUsagePurpose::ServerAuth,
        )?;
        Ok(identity)
    }

    /// The authority's certificate, for kubeconfigs.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Issues a client certificate with that common name; returns the certificate and its key as PEM.
    ///
    /// # Errors
    /// When the random source or the signature fails.
    pub fn issue_client_cert(&self, cn: &str) -> Result<(String, String), TlsError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "system:masters");
        self.issue(params, cn, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn issue(
        &self,
        mut params: CertificateParams,
        cn: &str,
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<(String, String), TlsError> {
        let ca_key = KeyPair::from_pem(&self.ca_key_pem).map_err(failed)?;
        let issuer = Issuer::new(authority(&self.name), ca_key);
        params.distinguished_name.push(DnType::CommonName, cn);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(failed)?;
        let cert = params.signed_by(&key, &issuer).map_err(failed)?;
        Ok((cert.pem(), key.serialize_pem()))
    }

    /// The server side: HTTP/1.1 only, client certificates of this authority are welcome but not needed.
    pub(crate) fn server_config(&self) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(certificate(&self.ca_pem)?).map_err(failed)?;
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let verifier = verifier.allow_unauthenticated().build().map_err(failed)?;
        let key = PrivateKeyDer::from_pem_slice(self.server_key_pem.as_bytes()).map_err(failed)?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate(&self.server_pem)?], key)
            .map_err(failed)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn certificate(pem: &str) -> Result<CertificateDer<'static>, TlsError> {
    CertificateDer::from_pem_slice(pem.as_bytes()).map_err(failed)
}

/// One DER element: its tag, its content, and what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (len, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f).min(4))?;
        (
            bytes.iter().fold(0, |n, b| (n << 8) | usize::from(*b)),
            rest,
        )
    };
    let (content, rest) = rest.split_at_checked(len)?;
    Some((tag, content, rest))
}

/// The subject's common name of a certificate that rustls has already verified.
///
/// Walks X.509's fixed order: certificate, to-be-signed, then version, serial, algorithm, issuer, validity, subject.
pub(crate) fn common_name(certificate: &[u8]) -> Option<String> {
    /// The content of the object identifier 2.5.4.3.
    const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
    let (_, outer, _) = element(certificate)?;
    let (_, mut at, _) = element(outer)?;
    let (tag, _, after_version) = element(at)?;
    if tag == 0xa0 {
        at = after_version;
    }
    for _ in 0..4 {
        (_, _, at) = element(at)?;
    }
    let (_, mut subject, _) = element(at)?;
    let mut found = None;
    while let Some((_, set, rest)) = element(subject) {
        let (_, pair, _) = element(set)?;
        let (_, oid, value) = element(pair)?;
        if oid == COMMON_NAME {
            found = String::from_utf8(element(value)?.1.to_vec()).ok();
        }
        subject = rest;
    }
    found
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn client_certificates_carry_their_name_even_from_a_snapshot() {
        let identity = TlsIdentity::new("practice").unwrap();
        let back: TlsIdentity =
            serde_json::from_str(&serde_json::to_string(&identity).unwrap()).unwrap();
        assert_eq!(back, identity);
        let (pem, key) = back.issue_client_cert("alice").unwrap();
        assert!(key.contains("PRIVATE KEY"));
        assert_eq!(
            common_name(&certificate(&pem).unwrap()).as_deref(),
            Some("alice")
        );
        assert!(identity.server_config().is_ok());
        assert!(!format!("{identity:?}").contains("PRIVATE"));
    }

    #[test]
    fn broken_der_is_nobody() {
        let (pem, _) = TlsIdentity::new("x")
            .unwrap()
            .issue_client_cert("bob")
            .unwrap();
        let der = certificate(&pem).unwrap();
        for cut in 0..der.len().min(200) {
            assert_eq!(common_name(&der[..cut]), None);
        }
    }
}
