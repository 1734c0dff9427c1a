//! The profiles that a worker knows by name.

use job::profile::{Profile, ProfileError};
use thiserror::Error;

/// A worker's own profile and the shipped ones.
#[derive(Clone, Debug)]
pub struct Profiles {
    default: Profile,
}

/// A message asks for a profile that cannot be had.
#[derive(Debug, Error)]
pub enum BadProfile {
    /// Nobody knows it.
    #[error("there is no profile {0:?}: this worker knows its own and {known}", known = known())]
    Unknown(String),
    /// It is known, and broken.
    #[error(transparent)]
    Broken(#[from] ProfileError),
}

fn known() -> String {
    Profile::shipped_names().collect::<Vec<_>>().join(", ")
}

impl Profiles {
    /// The shipped profiles beside `default`, which is used where a message names none and goes before a shipped one of its name.
    #[must_use]
    pub fn new(default: Profile) -> Self {
        Self { default }
    }

    /// The profile of a name; the default one without a name.
    ///
    /// # Errors
    /// If there is none.
    pub fn get(&self, name: Option<&str>) -> Result<Profile, BadProfile> {
        match name {
            None => Ok(self.default.clone()),
            Some(name) if name == self.default.name => Ok(self.default.clone()),
            Some(name) => match Profile::shipped(name) {
                Some(profile) => Ok(profile?),
                None => Err(BadProfile::Unknown(name.to_owned())),
            },
        }
    }
}
