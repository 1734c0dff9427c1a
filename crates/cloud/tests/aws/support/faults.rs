//! microburst between the crate and ministack.

use std::net::SocketAddr;

use super::{Ministack, Process, free_address, http, tool, wait_for_ok};

/// A proxy that breaks what its rules say.
pub struct Faults {
    _process: Process,
    /// Where to connect to instead.
    pub address: SocketAddr,
    control: SocketAddr,
}

impl Faults {
    /// Breaks AWS requests by service and operation.
    pub fn in_requests(ministack: &Ministack, rules: &str) -> Self {
        let address = free_address();
        let mut command = tool("microburst");
        command.args(["--upstream", &format!("http://{}", ministack.address())]);
        command.args(["--host", "127.0.0.1", "--port", &address.port().to_string()]);
        Self::start(Process::start(&command), address, address, rules)
    }

    /// Breaks connections.
    pub fn in_connections(ministack: &Ministack, rules: &str) -> Self {
        let (address, control) = (free_address(), free_address());
        let mut command = tool("microburst");
        command.args(["--protocol", "tcp", "--upstream", &ministack.address().to_string()]);
        command.args(["--host", "127.0.0.1", "--port", &address.port().to_string()]);
        command.args(["--control-port", &control.port().to_string()]);
        Self::start(Process::start(&command), address, control, rules)
    }

    fn start(process: Process, address: SocketAddr, control: SocketAddr, rules: &str) -> Self {
        wait_for_ok(control, "/_microburst/health");
        let answer = http(control, "POST", "/_microburst/rules", rules).unwrap();
        assert!(answer.contains(" 200 ") || answer.contains(" 201 "), "{answer}");
        Self { _process: process, address, control }
    }

    /// How many faults there were.
    pub fn fired(&self) -> usize {
        let answer = http(self.control, "GET", "/_microburst/fired?limit=10000", "").unwrap();
        answer.matches("\"action\"").count()
    }
}
