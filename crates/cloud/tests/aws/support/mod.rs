//! A real server that stands in for AWS, started for the test and gone with it.

pub mod faults;
pub mod s3;
pub mod scripted;
pub mod sqs;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use cloud::{AccessKey, Aws, Settings};

pub const REGION: &str = "eu-central-1";

/// ministack on a port of its own, and an account that no other test uses.
pub struct Ministack {
    _process: Process,
    address: SocketAddr,
    account: String,
}

impl Ministack {
    pub fn start() -> Self {
        let address = free_address();
        let mut command = tool("ministack");
        command.env("BIND_HOST", "127.0.0.1").env("MINISTACK_HOST", "127.0.0.1");
        // Without the second, it opens a port to the world.
        command.env("GATEWAY_PORT", address.port().to_string()).env("IOT_MTLS_ENABLED", "0");
        let process = Process::start(&command);
        wait_for_ok(address, "/_ministack/health");
        Self { _process: process, address, account: unique_account() }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the crate under test is configured with.
    pub async fn aws(&self) -> Aws {
        self.aws_at(self.address).await
    }

    /// The same through something in between.
    pub async fn aws_at(&self, address: SocketAddr) -> Aws {
        aws(address, &self.account).await
    }

    /// The SDK without the crate under test, for making what a test needs and looking at what came of it.
    pub async fn sdk(&self) -> SdkConfig {
        let http = aws_smithy_http_client::Builder::new().build_http();
        aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http)
            .region(Region::new(REGION))
            .endpoint_url(format!("http://{}", self.address))
            .credentials_provider(Credentials::new(&self.account, "secret", None, None, "test"))
            .load()
            .await
    }
}

/// The crate's configuration for whatever listens at an address.
pub async fn aws(address: SocketAddr, key_id: &str) -> Aws {
    let key = AccessKey { id: key_id.to_owned(), secret: "secret".to_owned() };
    let settings = Settings {
        region: Some(REGION.to_owned()),
        endpoint_url: Some(format!("http://{address}")),
        profile: None,
        access_key: Some(key),
    };
    Aws::load(settings).await.unwrap()
}

/// A name that no other test uses.
pub fn unique(stem: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{stem}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// An access key's id of twelve digits is an account of its own to ministack.
fn unique_account() -> String {
    let digits: String = unique("").chars().filter(char::is_ascii_digit).collect();
    format!("1{digits:0>11}")
}

/// A program of the Python environment that the tests are given.
pub fn tool(name: &str) -> Command {
    let environment = std::env::var_os("REC2VOD_AWS_VENV").expect(
        "REC2VOD_AWS_VENV names a Python environment with ministack==1.5.33 cbor2==6.2.1 microburst==0.10.0",
    );
    let program = PathBuf::from(environment).join("bin").join(name);
    assert!(program.exists(), "{} is missing", program.display());
    Command::new(program)
}

/// A process that ends with this one, however this one ends: its keeper waits for the end of a pipe that only we hold.
pub struct Process(Child);

impl Process {
    pub fn start(command: &Command) -> Self {
        const KEEPER: &str = r#""$@" </dev/null >/dev/null 2>&1 & cat >/dev/null; kill -9 $!"#;
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(command.get_program()).args(command.get_args());
        keeper.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Self(keeper.stdin(Stdio::piped()).spawn().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

pub fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// Waits until the server answers a GET with 200.
pub fn wait_for_ok(address: SocketAddr, path: &str) {
    let began = Instant::now();
    while !http(address, "GET", path, "").is_some_and(|answer| answer.contains(" 200 ")) {
        assert!(began.elapsed() < Duration::from_mins(1), "no answer at {address}{path}");
        sleep(Duration::from_millis(50));
    }
}

/// One HTTP/1.0 exchange: the whole answer.
pub fn http(address: SocketAddr, method: &str, path: &str, body: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}
