//! What the instance that we run on says of its end.

use aws_config::imds::Client;
use aws_config::imds::client::error::ImdsError;
use aws_config::provider_config::ProviderConfig;
use thiserror::Error;

use crate::client::{Aws, innermost};

/// There while a Spot interruption is announced, 404 otherwise.
const SPOT_ACTION: &str = "/latest/meta-data/spot/instance-action";
/// The state that the Auto Scaling group wants: `InService`, `Terminated` and others; 404 outside of a group.
const TARGET_STATE: &str = "/latest/meta-data/autoscaling/target-lifecycle-state";
const INSTANCE_ID: &str = "/latest/meta-data/instance-id";

/// Once again, then the next look comes anyway: this is asked every few seconds.
const ATTEMPTS: u32 = 2;

/// Why the instance is going to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Spot takes it back, two minutes after the notice at the earliest.
    SpotInterruption,
    /// The Auto Scaling group terminates it, and waits for as long as a lifecycle hook says.
    ScaleIn,
}

/// Why the instance says nothing.
#[derive(Debug, Error)]
#[error(
    "the instance metadata service does not answer: switch off the watch for notices outside of EC2: {0}"
)]
pub struct NoMetadata(String);

/// Instance metadata, version 2. `AWS_EC2_METADATA_SERVICE_ENDPOINT` names another place for it.
#[derive(Clone, Debug)]
pub struct InstanceMetadata {
    client: Client,
}

impl InstanceMetadata {
    /// The metadata of this instance. Calls nobody.
    #[must_use]
    pub fn open(aws: &Aws) -> Self {
        Self { client: builder(aws).build() }
    }

    /// The same at another endpoint.
    ///
    /// # Errors
    ///
    /// If that is no URL.
    pub fn at(aws: &Aws, endpoint: &str) -> Result<Self, NoMetadata> {
        let builder = builder(aws).endpoint(endpoint);
        let builder = builder.map_err(|error| NoMetadata(error.to_string()))?;
        Ok(Self { client: builder.build() })
    }

    /// The id of this instance.
    ///
    /// # Errors
    ///
    /// If the service does not answer.
    pub async fn instance_id(&self) -> Result<String, NoMetadata> {
        let id = self.get(INSTANCE_ID).await?;
        id.ok_or_else(|| NoMetadata("it knows no instance-id".to_owned()))
    }

    /// Whether, and why, this instance is going to end. To be asked every 5 s.
    ///
    /// # Errors
    ///
    /// If the service does not answer.
    pub async fn notice(&self) -> Result<Option<Notice>, NoMetadata> {
        // Whether it is to terminate, stop or hibernate does not matter, and it is said in no other case.
        if self.get(SPOT_ACTION).await?.is_some() {
            return Ok(Some(Notice::SpotInterruption));
        }
        let state = self.get(TARGET_STATE).await?;
        Ok(state.filter(|state| state.trim() == "Terminated").map(|_| Notice::ScaleIn))
    }

    async fn get(&self, path: &str) -> Result<Option<String>, NoMetadata> {
        match self.client.get(path).await {
            Ok(text) => Ok(Some(text.into())),
            Err(ImdsError::ErrorResponse(error)) if error.response().status().as_u16() == 404 => {
                Ok(None)
            }
            Err(error) => Err(NoMetadata(innermost(&error))),
        }
    }
}

fn builder(aws: &Aws) -> aws_config::imds::client::Builder {
    let mut provider = ProviderConfig::without_region();
    if let Some(http) = aws.config().http_client() {
        provider = provider.with_http_client(http);
    }
    Client::builder().configure(&provider).max_attempts(ATTEMPTS)
}
