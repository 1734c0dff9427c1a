//! The machine as one of a fleet in EC2: its group, and the notice that its end is near.

use std::time::Duration;

use clap::ValueEnum;
use cloud::{Aws, InstanceMetadata, Notice, ScalingGroup};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How often the metadata is asked: as often as AWS advises.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// What the machine belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum FleetKind {
    /// Nothing that would take it away
    #[default]
    None,
    /// EC2: heed Spot and scale-in notices, protect busy instances from scale-in
    Ec2,
}

/// This instance of EC2.
pub struct Instance {
    metadata: InstanceMetadata,
    /// None outside of Auto Scaling groups.
    group: Option<ScalingGroup>,
}

impl Instance {
    /// Finds out which instance this is and which group it belongs to.
    ///
    /// # Errors
    /// If the metadata or the groups cannot be asked.
    pub async fn find(aws: &Aws) -> anyhow::Result<Self> {
        let metadata = InstanceMetadata::open(aws);
        let id = metadata.instance_id().await?;
        let group = ScalingGroup::of_instance(aws, &id).await?;
        info!(
            instance = id,
            group = group.as_ref().map(ScalingGroup::name),
            "this is an instance of EC2"
        );
        Ok(Self { metadata, group })
    }

    /// The group.
    pub fn group(&self) -> Option<&ScalingGroup> {
        self.group.as_ref()
    }

    /// Asks for a shutdown when the instance is told that its end is near. Looks once before it returns, so that an instance that was told
    /// already receives nothing, and from then on every few seconds beside all else.
    pub async fn watch(&self, shutdown: CancellationToken) {
        let mut watch = Watch { metadata: self.metadata.clone(), answers: true };
        if watch.look().await {
            return shutdown.cancel();
        }
        tokio::spawn(async move {
            while !shutdown.is_cancelled() {
                tokio::time::sleep(ASK_EVERY).await;
                if watch.look().await {
                    shutdown.cancel();
                }
            }
        });
    }

    /// Tells the group that nothing is left to do here, so that it need not wait. Only worth a line in the log if it fails: the group's
    /// patience ends by itself.
    pub async fn leave(&self) {
        let Some(group) = &self.group else { return };
        if !matches!(self.metadata.notice().await, Ok(Some(_))) {
            return;
        }
        match group.leave().await {
            Ok(()) => info!(group = group.name(), "the group may end this instance"),
            Err(error) => warn!(%error, "the group ends this instance when its patience ends"),
        }
    }
}

struct Watch {
    metadata: InstanceMetadata,
    /// False from the first time that there is no answer to the next that there is.
    answers: bool,
}

impl Watch {
    /// True if the instance is going to end.
    async fn look(&mut self) -> bool {
        let notice = self.metadata.notice().await;
        match (&notice, self.answers) {
            (Err(error), true) => warn!(%error, "no word about the end of this instance"),
            (Ok(_), false) => info!("instance metadata answers again"),
            _ => {}
        }
        self.answers = notice.is_ok();
        let Ok(Some(notice)) = notice else { return false };
        let why = match notice {
            Notice::SpotInterruption => "Spot takes this instance back",
            Notice::ScaleIn => "the group ends this instance",
        };
        info!(why, "stopping, what is not done in time is handed back");
        true
    }
}
