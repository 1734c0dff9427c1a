//! The Auto Scaling group that this instance belongs to.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_autoscaling::Client;
use aws_sdk_autoscaling::config::Builder;
use aws_sdk_autoscaling::error::SdkError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use job::ports::{Fleet, FleetError};

use crate::classify::{Call, Failure};
use crate::client::{Aws, Patience};

/// The API is throttled per account, and answers `ResourceContention` while the group is scaled: more attempts than usual.
const PATIENCE: Patience = Patience::new(5, Duration::from_secs(10));

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
    pub async fn of_instance(aws: &Aws, instance: &str) -> Result<Option<Self>, FleetError> {
        const ACTION: &str = "autoscaling:DescribeAutoScalingInstances";
        let client = Client::new(aws.config());
        let answer = client
            .describe_auto_scaling_instances()
            .instance_ids(instance)
            .customize()
            .config_override(patient())
            .send()
            .await
            .map_err(|error| fleet_error(instance, ACTION, &error))?;
        let details = answer.auto_scaling_instances.unwrap_or_default();
        let name = details.into_iter().find_map(|details| details.auto_scaling_group_name);
        Ok(name.map(|name| Self { client, name, instance: instance.to_owned() }))
    }

    /// The group's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Lets the termination go on that a lifecycle hook of the group holds up for this instance. A hook that holds up nothing is no error.
    ///
    /// # Errors
    ///
    /// If the group cannot be asked for its hooks, or does not take the word.
    pub async fn leave(&self) -> Result<(), FleetError> {
        const ACTION: &str = "autoscaling:CompleteLifecycleAction";
        for hook in self.terminating_hooks().await? {
            let completed = self
                .client
                .complete_lifecycle_action()
                .auto_scaling_group_name(&self.name)
                .lifecycle_hook_name(hook)
                .instance_id(&self.instance)
                .lifecycle_action_result("CONTINUE")
                .customize()
                .config_override(patient())
                .send()
                .await;
            match completed {
                Ok(_) => {}
                // No action of this hook waits for an answer.
                Err(error) if error.code() == Some("ValidationError") => {}
                Err(error) => return Err(fleet_error(&self.instance, ACTION, &error)),
            }
        }
        Ok(())
    }

    async fn terminating_hooks(&self) -> Result<Vec<String>, FleetError> {
        const ACTION: &str = "autoscaling:DescribeLifecycleHooks";
        let answer = self
            .client
            .describe_lifecycle_hooks()
            .auto_scaling_group_name(&self.name)
            .customize()
            .config_override(patient())
            .send()
            .await
            .map_err(|error| fleet_error(&self.instance, ACTION, &error))?;
        let hooks = answer.lifecycle_hooks.unwrap_or_default().into_iter();
        let terminating = hooks.filter(|hook| {
            hook.lifecycle_transition() == Some("autoscaling:EC2_INSTANCE_TERMINATING")
        });
        Ok(terminating.filter_map(|hook| hook.lifecycle_hook_name).collect())
    }
}

#[async_trait]
impl Fleet for ScalingGroup {
    /// Neither Spot interruptions nor unhealthy instances are held up by it. Fails when the instance is not in service.
    async fn protect(&self, protected: bool) -> Result<(), FleetError> {
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
            .map_err(|error| fleet_error(&self.instance, ACTION, &error))
    }
}

fn patient() -> Builder {
    Builder::new().timeout_config(PATIENCE.timeouts()).retry_config(PATIENCE.retries())
}

fn fleet_error<E>(
    instance: &str,
    action: &'static str,
    error: &SdkError<E, HttpResponse>,
) -> FleetError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let call = Call { action, target: "Auto Scaling group" };
    FleetError {
        group: format!("the Auto Scaling group of {instance}"),
        reason: Failure::new(call, error).reason,
    }
}
