//! A real server that stands in for AWS, started for the test and gone with it, and what its users see of it by plain HTTP.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cloud::{AccessKey, Aws, Settings, SqsQueue};
use job::ports::Queue as _;

pub const REGION: &str = "eu-central-1";
pub const BUCKET: &str = "recordings";
/// ministack's account for keys that are none.
const ACCOUNT: &str = "000000000000";
/// Never to be seen in a log.
pub const SECRET: &str = "wJalrXUtnFEMI";

/// ministack with a bucket and a queue.
pub struct Ministack {
    /// A keeper that waits for the end of a pipe which only we hold, and then ends the server: it goes when we do, however we do.
    keeper: Child,
    pub address: SocketAddr,
}

/// What a server answered.
pub struct Answer {
    pub status: u16,
    /// In lower case.
    pub head: String,
    pub body: Vec<u8>,
}

impl Ministack {
    pub fn start() -> Self {
        Self::start_at(free_address())
    }

    /// The same where permissions count.
    pub fn start_with_permissions() -> Self {
        Self::start_with(free_address(), &[("AUTH", "true")])
    }

    pub fn start_at(address: SocketAddr) -> Self {
        Self::start_with(address, &[])
    }

    fn start_with(address: SocketAddr, environment: &[(&str, &str)]) -> Self {
        const KEEPER: &str = r#""$@" </dev/null >/dev/null 2>&1 & cat >/dev/null; kill -9 $!"#;
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(program());
        keeper.env("BIND_HOST", "127.0.0.1").env("MINISTACK_HOST", "127.0.0.1");
        // Without the second, it opens a port to the world.
        keeper.env("GATEWAY_PORT", address.port().to_string()).env("IOT_MTLS_ENABLED", "0");
        keeper.envs(environment.iter().copied());
        let keeper = keeper.stdin(Stdio::piped()).spawn().unwrap();
        let ministack = Self { keeper, address };
        let began = Instant::now();
        while http(address, "GET /_ministack/health", "", "").is_none_or(|a| a.status != 200) {
            assert!(began.elapsed() < Duration::from_mins(1), "ministack does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        let place = format!(
            "<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
        );
        ministack.ask("s3", &format!("PUT /{BUCKET}"), &place);
        ministack.ask("sqs", "POST /", "Action=CreateQueue&QueueName=recordings");
        ministack
    }

    /// The URL of the queue, or of one that is not there.
    pub fn queue(&self, name: &str) -> String {
        queue_at(self.address, name)
    }

    /// Has the bucket send its events to the queue, those of new FLVs.
    pub fn send_events(&self) {
        let configuration = format!(
            "<NotificationConfiguration><QueueConfiguration><Id>1</Id><Queue>arn:aws:sqs:{REGION}:{ACCOUNT}:recordings</Queue>\
             <Event>s3:ObjectCreated:*</Event><Filter><S3Key><FilterRule><Name>suffix</Name><Value>.flv</Value></FilterRule></S3Key></Filter></QueueConfiguration></NotificationConfiguration>"
        );
        self.ask("s3", &format!("PUT /{BUCKET}?notification"), &configuration);
    }

    /// Gives the queue dead letters.
    pub fn add_dead_letters(&self, max_receive_count: u32) {
        self.ask("sqs", "POST /", "Action=CreateQueue&QueueName=dead");
        let policy = format!(
            "%7B%22deadLetterTargetArn%22%3A%22arn%3Aaws%3Asqs%3A{REGION}%3A{ACCOUNT}%3Adead%22%2C%22maxReceiveCount%22%3A{max_receive_count}%7D"
        );
        let url = self.queue("recordings").replace(':', "%3A").replace('/', "%2F");
        let request = format!(
            "Action=SetQueueAttributes&QueueUrl={url}&Attribute.1.Name=RedrivePolicy&Attribute.1.Value={policy}"
        );
        self.ask("sqs", "POST /", &request);
    }

    /// Makes a user who may do nothing; the id of its key, and its secret.
    pub fn user_without_permissions(&self) -> (String, String) {
        self.ask("iam", "POST /", "Action=CreateUser&UserName=nobody&Version=2010-05-08");
        let request = "Action=CreateAccessKey&UserName=nobody&Version=2010-05-08";
        let key = String::from_utf8(self.ask("iam", "POST /", request).body).unwrap();
        let of = |name: &str| {
            let (_, rest) = key.split_once(&format!("<{name}>")).unwrap();
            rest.split_once('<').unwrap().0.to_owned()
        };
        (of("AccessKeyId"), of("SecretAccessKey"))
    }

    /// What a program of ours is configured with.
    pub fn settings(&self) -> Settings {
        Settings {
            region: Some(REGION.to_owned()),
            endpoint_url: Some(format!("http://{}", self.address)),
            profile: None,
            access_key: Some(AccessKey { id: "test".to_owned(), secret: "test".to_owned() }),
        }
    }

    /// The same as variables, and none of this machine's own settings.
    pub fn environment(&self) -> [(&'static str, String); 7] {
        [
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address)),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
        ]
    }

    /// Puts a message into the queue.
    pub fn send(&self, body: &str) {
        self.with_queue(async |queue| {
            queue.send(body).await.unwrap();
        });
    }

    /// The sum of a metric of a queue in all of time; none if nobody published it.
    pub fn metric(&self, namespace: &str, metric: &str, queue: &str) -> Option<f64> {
        self.sum(namespace, metric, &[("Queue", queue)])
    }

    /// The same of those with a reason.
    pub fn metric_by_reason(
        &self,
        namespace: &str,
        metric: &str,
        queue: &str,
        reason: &str,
    ) -> Option<f64> {
        self.sum(namespace, metric, &[("Queue", queue), ("Reason", reason)])
    }

    fn sum(&self, namespace: &str, metric: &str, dimensions: &[(&str, &str)]) -> Option<f64> {
        let dimension = |(n, (name, value)): (usize, &(&str, &str))| {
            format!("&Dimensions.member.{n}.Name={name}&Dimensions.member.{n}.Value={value}")
        };
        let dimensions = (1..).zip(dimensions).map(dimension).collect::<Vec<_>>().concat();
        let request = format!(
            "Action=GetMetricStatistics&Version=2010-08-01&Namespace={namespace}&MetricName={metric}&Period=86400\
             &StartTime=2020-01-01T00%3A00%3A00Z&EndTime=2100-01-01T00%3A00%3A00Z&Statistics.member.1=Sum{dimensions}"
        );
        let answer = String::from_utf8(self.ask("monitoring", "POST /", &request).body).unwrap();
        let sums = answer.split("<Sum>").skip(1);
        let sums = sums.map(|rest| rest.split_once('<').unwrap().0.parse::<f64>().unwrap());
        sums.reduce(|sum, more| sum + more)
    }

    pub fn put(&self, key: &str, body: &str) {
        self.put_bytes(key, body.as_bytes());
    }

    pub fn put_bytes(&self, key: &str, body: &[u8]) {
        self.ask("s3", &format!("PUT /{BUCKET}/{key}"), body);
    }

    /// An object, if there is one.
    pub fn object(&self, key: &str) -> Option<Answer> {
        let answer = http(self.address, &format!("GET /{BUCKET}/{key}"), &authorization("s3"), "");
        answer.filter(|answer| answer.status == 200)
    }

    /// The keys of all objects.
    pub fn keys(&self) -> Vec<String> {
        let listed = self.ask("s3", &format!("GET /{BUCKET}?list-type=2"), "");
        let text = String::from_utf8(listed.body).unwrap();
        let keys = text.split("<Key>").skip(1);
        keys.map(|rest| rest.split_once('<').unwrap().0.to_owned()).collect()
    }

    /// Takes all messages out of the queue, as a worker does.
    pub fn messages(&self) -> Vec<String> {
        self.with_queue(async |queue| {
            let mut bodies = Vec::new();
            let (wait, visibility) = (Duration::from_secs(1), Duration::from_mins(1));
            while let Some(delivery) = queue.receive(wait, visibility).await.unwrap() {
                queue.delete(&delivery.receipt).await.unwrap();
                bodies.push(delivery.body);
            }
            bodies
        })
    }

    fn with_queue<T>(&self, work: impl AsyncFnOnce(SqsQueue) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let aws = Aws::load(self.settings()).await.unwrap();
            work(SqsQueue::open(&aws, &self.queue("recordings")).unwrap()).await
        })
    }

    fn ask(&self, service: &str, line: &str, body: impl AsRef<[u8]>) -> Answer {
        let answer = http(self.address, line, &authorization(service), body).unwrap();
        assert_eq!(answer.status, 200, "{line}: {}", String::from_utf8_lossy(&answer.body));
        answer
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// The settings that send recordings below `in` in the bucket of what listens at an address.
pub fn settings(address: SocketAddr, queue: Option<&str>) -> String {
    let queue = queue.map(|url| format!("queue = '{url}'\n")).unwrap_or_default();
    format!(
        "{queue}output = 's3://{BUCKET}/in'\n[aws]\nregion = '{REGION}'\nendpoint_url = 'http://{address}'\n\
         access_key_id = 'test'\nsecret_access_key = '{SECRET}'"
    )
}

pub fn queue_at(address: SocketAddr, name: &str) -> String {
    format!("http://{address}/{ACCOUNT}/{name}")
}

pub fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

fn program() -> PathBuf {
    let environment = std::env::var_os("REC2VOD_AWS_VENV")
        .expect("REC2VOD_AWS_VENV names a Python environment with ministack==1.5.33 cbor2==6.2.1");
    let program = PathBuf::from(environment).join("bin/ministack");
    assert!(program.exists(), "{} is missing", program.display());
    program
}

/// Nobody checks the signature; service and region are read.
fn authorization(service: &str) -> String {
    format!(
        "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0\r\n"
    )
}

/// One HTTP/1.0 exchange; none if nobody is there.
fn http(address: SocketAddr, line: &str, headers: &str, body: impl AsRef<[u8]>) -> Option<Answer> {
    let body = body.as_ref();
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let length = body.len();
    write!(
        stream,
        "{line} HTTP/1.0\r\nHost: {address}\r\n{headers}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n"
    )
    .ok()?;
    stream.write_all(body).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let body = answer.split_off(end + 4);
    let head = String::from_utf8(answer).ok()?.to_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head, body })
}
