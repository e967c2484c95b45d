use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};
use trellis_primitives::ModuleName;

/// A development network.
#[derive(Clone, Debug)]
pub struct DevConfig {
    /// Modules, the hub first. Fixed by the genesis.
    pub modules: Vec<ModuleName>,
    /// Modules with private payments; `None` means `pay`, if there is one. Fixed by the genesis.
    pub private: Option<Vec<ModuleName>>,
    /// Validators, all in this process. Fixed by the genesis.
    pub validators: u32,
    /// Address the RPC servers listen on.
    pub host: IpAddr,
    /// Port of the first validator's RPC server; validator `i` listens on `port + i`.
    pub port: u16,
    /// Where everything is kept; `None` keeps nothing.
    pub data_dir: Option<PathBuf>,
    /// Delete what the data directory holds first.
    pub reset: bool,
    /// Least time between two blocks of a module.
    pub block_time: Duration,
    /// Block gas limit. Fixed by the genesis.
    pub gas_limit: u64,
    /// Recent blocks whose state is served.
    pub history: u64,
    /// Number of the network; `None` draws one for a new data directory. Fixed by the genesis.
    pub network_id: Option<u64>,
}

impl DevConfig {
    /// Modules with private payments.
    pub(crate) fn private(&self) -> Vec<String> {
        match &self.private {
            Some(names) => names.iter().map(ToString::to_string).collect(),
            None => {
                let modules = self.modules.iter().map(ToString::to_string);
                modules.filter(|name| name == "pay").collect()
            }
        }
    }
}

impl Default for DevConfig {
    fn default() -> Self {
        let name = |text: &str| text.parse().expect("a valid module name");
        Self {
            modules: vec![name("hub"), name("market"), name("pay")],
            private: None,
            validators: 1,
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 8545,
            data_dir: Some(PathBuf::from("./trellis-data")),
            reset: false,
            block_time: Duration::from_millis(100),
            gas_limit: 200_000_000,
            history: 256,
            network_id: None,
        }
    }
}
