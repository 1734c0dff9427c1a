//! The table `[aws]`: what AWS's own places to look at do not say, or cannot say to a hook without an environment.

use std::fmt;

use cloud::AccessKey;
use serde::{Deserialize, Deserializer, de};

use super::SettingsError;

/// The table as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AwsTable {
    /// The region, such as `eu-central-1`; an instance knows its own.
    pub(super) region: Option<String>,
    /// The URL of what stands in for AWS.
    pub(super) endpoint_url: Option<String>,
    /// The profile in AWS's shared files.
    pub(super) profile: Option<String>,
    pub(super) access_key_id: Option<String>,
    pub(super) secret_access_key: Option<Secret>,
}

/// A text that is never printed.
pub(super) struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl<'de> Deserialize<'de> for Secret {
    /// The usual error for a wrong type quotes the value.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer);
        text.map(Self).map_err(|_| de::Error::custom("a secret must be text in quotes"))
    }
}

/// The table itself. The usual error for a wrong type quotes the value, and that may be a secret here.
pub(super) fn table<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AwsTable, D::Error> {
    let toml::Value::Table(table) = toml::Value::deserialize(deserializer)? else {
        return Err(de::Error::custom("aws is no table: begin it with a line [aws]"));
    };
    table.try_into().map_err(|error: toml::de::Error| de::Error::custom(error.message()))
}

impl AwsTable {
    /// Whether the file is worth a thief's while.
    pub(super) const fn has_secret(&self) -> bool {
        self.secret_access_key.is_some()
    }
}

impl TryFrom<AwsTable> for cloud::Settings {
    type Error = SettingsError;

    fn try_from(table: AwsTable) -> Result<Self, SettingsError> {
        let access_key = match (table.access_key_id, table.secret_access_key) {
            (Some(id), Some(Secret(secret))) => Some(AccessKey { id, secret }),
            (None, None) => None,
            _ => return Err(SettingsError::HalfKey),
        };
        let AwsTable { region, endpoint_url, profile, .. } = table;
        Ok(Self { region, endpoint_url, profile, access_key })
    }
}
