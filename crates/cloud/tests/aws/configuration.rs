//! What is said when nothing is configured. Each case runs in a process of its own, for the SDK reads the environment.

use std::env;
use std::process::Command;

use cloud::{Aws, Settings};

const CASE: &str = "CASE";

/// The other half of the tests below: what their process does. By itself it does nothing.
#[tokio::test]
async fn child() {
    if env::var_os(CASE).is_none() {
        return;
    }
    match Aws::load(Settings::default()).await {
        Ok(aws) => println!("<loaded in {}>", aws.region()),
        Err(error) => println!("<{error}>"),
    }
}

fn load_with(variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "configuration::child", "--nocapture"]).env_clear().env(CASE, "1");
    command.env("AWS_EC2_METADATA_DISABLED", "true").envs(variables.iter().copied());
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = text.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    said.unwrap_or_else(|| panic!("{text}")).0.to_owned()
}

#[test]
fn what_is_not_configured_is_said_in_one_sentence() {
    let key = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "secret")];
    let region = ("AWS_REGION", "eu-west-1");
    assert_eq!(load_with(&key), "no AWS region is set: set AWS_REGION, or region in the profile");
    let without_key = load_with(&[region]);
    assert!(
        without_key.starts_with("no AWS credentials: give the instance a role"),
        "{without_key}"
    );
    assert!(!without_key.contains('\n'), "{without_key}");
    assert_eq!(load_with(&[key[0], key[1], region]), "loaded in eu-west-1");
}
