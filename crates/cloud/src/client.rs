//! The one configuration that every client of a process shares, and how patient it is with each verb.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use thiserror::Error;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// Longest that an unused connection is kept. A worker leaves its connections alone for as long as a chunk takes, and a connection that
/// died meanwhile makes the next call hang until its time-out (aws-sdk-rust#1417).
const POOL_IDLE: Duration = Duration::from_secs(15);

/// Longest that a body may stand still. The SDK's 5 s raise false alarms on a busy machine.
const STALL: Duration = Duration::from_secs(20);

/// Longest pause between two attempts.
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// Longest search for credentials, instance metadata included.
const FIND_CREDENTIALS: Duration = Duration::from_secs(20);

/// What the SDK shall not find out by itself. All of it may be left out: then environment, shared files, and the metadata of the container
/// or the instance decide, in the SDK's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The region, such as `eu-central-1`.
    pub region: Option<String>,
    /// The URL of an endpoint that stands in for AWS.
    pub endpoint_url: Option<String>,
    /// The profile in the shared files.
    pub profile: Option<String>,
    /// A key instead of the chain of providers.
    pub access_key: Option<AccessKey>,
}

/// A long-lived key of an IAM user.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

impl std::fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Why nothing can be called.
#[derive(Debug, Error)]
pub enum NotConfigured {
    /// No region was found anywhere.
    #[error("no AWS region is set: set AWS_REGION, or region in the profile")]
    Region,
    /// No credentials were found, or they could not be loaded.
    #[error(
        "no AWS credentials: give the instance a role, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or choose a profile with AWS_PROFILE: {0}"
    )]
    Credentials(String),
}

/// The configuration that all clients of this process share. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Aws {
    config: SdkConfig,
}

impl Aws {
    /// Loads the configuration and makes sure that there are a region and credentials. Takes some seconds if there are none, for the
    /// metadata service of an instance is asked last.
    ///
    /// # Errors
    ///
    /// If there is no region, or no credentials.
    pub async fn load(settings: Settings) -> Result<Self, NotConfigured> {
        let http = Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .pool_idle_timeout(POOL_IDLE)
            .build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http)
            .timeout_config(Patience::USUAL.timeouts())
            .retry_config(Patience::USUAL.retries())
            .stalled_stream_protection(
                StalledStreamProtectionConfig::enabled().grace_period(STALL).build(),
            );
        if let Some(region) = settings.region {
            loader = loader.region(Region::new(region));
        }
        if let Some(url) = settings.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some(profile) = settings.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(AccessKey { id, secret }) = settings.access_key {
            loader =
                loader.credentials_provider(Credentials::new(id, secret, None, None, "settings"));
        }
        let config = loader.load().await;
        // A variable that is empty is one that is not set.
        if config.region().is_none_or(|region| region.as_ref().is_empty()) {
            return Err(NotConfigured::Region);
        }
        require_credentials(&config).await?;
        Ok(Self { config })
    }

    /// The region.
    #[must_use]
    pub fn region(&self) -> &str {
        self.config.region().map_or("", Region::as_ref)
    }

    pub(crate) fn config(&self) -> &SdkConfig {
        &self.config
    }
}

async fn require_credentials(config: &SdkConfig) -> Result<(), NotConfigured> {
    let missing = |reason: &str| NotConfigured::Credentials(reason.to_owned());
    let provider = config.credentials_provider().ok_or_else(|| missing("none are configured"))?;
    match tokio::time::timeout(FIND_CREDENTIALS, provider.provide_credentials()).await {
        Ok(Ok(_)) => Ok(()),
        // The chain lists what it tried on the lines below.
        Ok(Err(error)) => Err(missing(innermost(&error).trim_end_matches(". Attempted:"))),
        Err(_) => Err(missing("their provider did not answer in time")),
    }
}

/// The first cause of an error: what the SDK wraps around it says no more than "dispatch failure".
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string().lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

/// How long and how often a verb is tried, retries being the SDK's `standard` mode.
///
/// Only the time of an attempt differs between verbs, never the time-outs to connect or to read: the SDK keeps a pool of connections of
/// its own for each pair of those. There is no time-out to read at all, for that of the attempt ends at the same point, the answer's head.
/// Bodies that are streamed afterwards are watched for standing still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    attempts: u32,
    attempt: Duration,
}

impl Patience {
    /// A verb without reasons of its own.
    const USUAL: Self = Self::new(3, Duration::from_secs(30));

    pub(crate) const fn new(attempts: u32, attempt: Duration) -> Self {
        Self { attempts, attempt }
    }

    /// The same verb when the service may wait before it answers.
    #[cfg(feature = "sqs")]
    pub(crate) const fn with_wait(self, wait: Duration) -> Self {
        Self { attempt: self.attempt.saturating_add(wait), ..self }
    }

    /// A verb that sends `bytes`: time for 256 KiB a second on top of what `self` allows.
    #[cfg(feature = "s3")]
    pub(crate) const fn with_upload(self, bytes: u64) -> Self {
        const BYTES_A_SECOND: u64 = 256 * 1024;
        let sending = Duration::from_secs(bytes.div_ceil(BYTES_A_SECOND));
        Self { attempt: self.attempt.saturating_add(sending), ..self }
    }

    pub(crate) fn timeouts(self) -> TimeoutConfig {
        let pauses = LONGEST_BACKOFF.saturating_mul(self.attempts.saturating_sub(1));
        TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .disable_read_timeout()
            .operation_attempt_timeout(self.attempt)
            .operation_timeout(self.attempt.saturating_mul(self.attempts).saturating_add(pauses))
            .build()
    }

    pub(crate) fn retries(self) -> RetryConfig {
        RetryConfig::standard().with_max_attempts(self.attempts).with_max_backoff(LONGEST_BACKOFF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_time_outs_that_fit_into_each_other() {
        let timeouts = Patience::new(3, Duration::from_secs(30)).timeouts();
        assert_eq!(timeouts.connect_timeout(), Some(CONNECT));
        assert_eq!(timeouts.operation_attempt_timeout(), Some(Duration::from_secs(30)));
        assert_eq!(timeouts.operation_timeout(), Some(Duration::from_secs(100)));
    }

    #[test]
    fn a_secret_is_not_printed() {
        let key = AccessKey { id: "AKID".to_owned(), secret: "hidden".to_owned() };
        let printed = format!("{:?}", Settings { access_key: Some(key), ..Settings::default() });
        assert!(printed.contains("AKID") && !printed.contains("hidden"), "{printed}");
    }
}
