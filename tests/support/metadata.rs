//! The metadata service of an instance, as nginx stands in for it: version 2 only, with a token as in EC2.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::command::eventually;

/// Serves the files of a directory.
pub struct Metadata {
    nginx: Child,
    directory: TempDir,
    address: SocketAddr,
}

impl Metadata {
    /// An instance that is in service.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        drop(listener);
        let root = directory.path();
        let configuration = format!(
            r#"
            user root; worker_processes 1; daemon off; pid "{0}/pid"; error_log "{0}/error.log";
            events {{}}
            http {{
                access_log off; client_body_temp_path "{0}/t1"; proxy_temp_path "{0}/t2"; fastcgi_temp_path "{0}/t3";
                uwsgi_temp_path "{0}/t4"; scgi_temp_path "{0}/t5"; default_type text/plain;
                server {{
                    listen {address};
                    location = /latest/api/token {{
                        if ($request_method != PUT) {{ return 405; }}
                        add_header X-Aws-Ec2-Metadata-Token-Ttl-Seconds 21600;
                        return 200 a-token;
                    }}
                    location /latest/ {{
                        if ($http_x_aws_ec2_metadata_token != a-token) {{ return 401; }}
                        root "{0}/www";
                    }}
                }}
            }}"#,
            root.display()
        );
        fs::write(root.join("nginx.conf"), configuration).expect("it can be written");
        let nginx = Command::new("nginx")
            .args(["-e", "error.log", "-c", "nginx.conf", "-p"])
            .arg(root)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx is there");
        let metadata = Self { nginx, directory, address };
        metadata.say("instance-id", "i-0123456789abcdef0");
        metadata.say("autoscaling/target-lifecycle-state", "InService");
        eventually("nginx listens", Duration::from_secs(20), || {
            TcpStream::connect(address).is_ok()
        });
        metadata
    }

    /// From now on `text` stands under `path`.
    pub fn say(&self, path: &str, text: &str) {
        let file: PathBuf = self.directory.path().join("www/latest/meta-data").join(path);
        fs::create_dir_all(file.parent().expect("it has one")).expect("it can be made");
        // At once, so that nobody reads half of it.
        let draft = self.directory.path().join("draft");
        fs::write(&draft, text).expect("it can be written");
        fs::rename(draft, file).expect("it can be moved");
    }

    /// Spot takes the instance back in two minutes.
    pub fn announce_interruption(&self) {
        let notice = r#"{"action": "terminate", "time": "2026-11-22T08:22:00Z"}"#;
        self.say("spot/instance-action", notice);
    }

    /// The group ends the instance.
    pub fn announce_scale_in(&self) {
        self.say("autoscaling/target-lifecycle-state", "Terminated");
    }

    /// The variable that leads the SDK here.
    pub fn environment(&self) -> (&'static str, String) {
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", format!("http://{}", self.address))
    }
}

impl Drop for Metadata {
    fn drop(&mut self) {
        let _ = self.nginx.kill();
        let _ = self.nginx.wait();
        // A master that is killed leaves its worker.
        let _ = Command::new("pkill").args(["-9", "-f"]).arg(self.directory.path()).status();
    }
}
