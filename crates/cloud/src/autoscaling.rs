//! The Auto Scaling group that this instance belongs to.

use std::time::Duration;

use aws_sdk_autoscaling::Client;
use aws_sdk_autoscaling::config::Builder;
use aws_sdk_autoscaling::error::SdkError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use thiserror::Error;

use crate::classify::{Call, Failure};
use crate::client::{Aws, Patience};

/// The API is throttled per account, and answers `ResourceContention` while the group is scaled: more attempts than usual.
const PATIENCE: Patience = Patience::new(5, Duration::from_secs(10));

/// What the group could not do.
#[derive(Debug, Error)]
#[error("the Auto Scaling group of {instance} cannot be used: {reason}")]
pub struct ScalingError {
    /// The instance's id.
    pub instance: String,
    /// What is wrong and what to do.
    pub reason: String,
}

/// This instance as a member of its group.
#[derive(Clone, Debug)]
pub struct ScalingGroup {
    client: Client,
    name: String,
    instance: String,
}

impl ScalingGroup {
    /// The group of an instance; none if it belongs to none.
    ///
    /// # Errors
    ///
    /// If that cannot be found out.
    pub async fn of_instance(aws: &Aws, instance: &str) -> Result<Option<Self>, ScalingError> {
        const ACTION: &str = "autoscaling:DescribeAutoScalingInstances";
        let client = Client::new(aws.config());
        let answer = client
            .describe_auto_scaling_instances()
            .instance_ids(instance)
            .customize()
            .config_override(patient())
            .send()
            .await
            .map_err(|error| scaling_error(instance, ACTION, &error))?;
        let details = answer.auto_scaling_instances.unwrap_or_default();
        let name = details.into_iter().find_map(|details| details.auto_scaling_group_name);
        Ok(name.map(|name| Self { client, name, instance: instance.to_owned() }))
    }

    /// The group's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Protects this instance from scale-in, or no longer. Neither Spot interruptions nor unhealthy instances are held up by it.
    ///
    /// # Errors
    ///
    /// If the group does not do it, as when the instance is not in service.
    pub async fn protect(&self, protected: bool) -> Result<(), ScalingError> {
        const ACTION: &str = "autoscaling:SetInstanceProtection";
        self.client
            .set_instance_protection()
            .auto_scaling_group_name(&self.name)
            .instance_ids(&self.instance)
            .protected_from_scale_in(protected)
            .customize()
            .config_override(patient())
            .send()
            .await
            .map(drop)
            .map_err(|error| scaling_error(&self.instance, ACTION, &error))
    }
}

fn patient() -> Builder {
    Builder::new().timeout_config(PATIENCE.timeouts()).retry_config(PATIENCE.retries())
}

fn scaling_error<E>(
    instance: &str,
    action: &'static str,
    error: &SdkError<E, HttpResponse>,
) -> ScalingError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let call = Call { action, target: "Auto Scaling group" };
    ScalingError { instance: instance.to_owned(), reason: Failure::new(call, error).reason }
}
