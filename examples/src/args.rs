//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use pocketsoc_model::{Classification, Determination, Severity, Status};

use crate::age::When;

/// See and triage security detections. Without a profile file, an embedded tenant is used and nothing real is touched.
#[derive(Debug, Parser)]
#[command(name = "soc", version, max_term_width = 110)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Common {
    /// The profile file; else `$POCKETSOC_PROFILES`, else `./pocketsoc.toml`, else the embedded tenant
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) profiles: Option<PathBuf>,
    /// Only this profile; may be repeated
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Vec<String>,
    /// One JSON object per line, also on a terminal
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// JSON with the source's own object under `raw`
    #[arg(long, global = true)]
    pub(crate) raw: bool,
    /// OCSF Detection Findings instead, one a line; with --raw the source's own object under `raw_data`
    #[arg(long, global = true)]
    pub(crate) ocsf: bool,
    /// Longest that one request may take, its retries included
    #[arg(long, global = true, default_value_t = 25, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Detections of all profiles, merged, as they arrive
    List(ListArgs),
    /// One detection with its entities
    Show {
        /// The detection's id
        id: String,
    },
    /// Change a detection, then read it back
    Triage(TriageArgs),
    /// Machines with risk score, health and exposure
    Machines(MachinesArgs),
    /// One machine, by its id, name or address
    Machine {
        /// The machine's id, name or address
        machine: String,
    },
    /// Cut a machine off the network
    Isolate {
        #[command(flatten)]
        what: ContainArgs,
        /// Let mail and messaging go on
        #[arg(long)]
        selective: bool,
    },
    /// Put a machine back on the network
    Release {
        #[command(flatten)]
        what: ContainArgs,
    },
    /// What is being done on machines, and what was
    Actions {
        /// Only on this machine: its id, name or address
        #[arg(long, value_name = "MACHINE")]
        machine: Option<String>,
    },
    /// One machine action
    Action {
        /// The action's id
        id: String,
    },
    /// Call a machine action off, while it is not final
    Cancel {
        /// The action's id
        id: String,
        /// Why: it stands in the audit log
        #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
        comment: String,
    },
    /// Advanced hunting: rows as a table, or as the service gave them
    Hunt(HuntArgs),
    /// New and changed detections of all profiles as one feed, until interrupted
    Watch(WatchArgs),
    /// Whether each profile can sign in, what it may do, and what to fix
    Check,
    /// Turn native objects into normalized detections, one JSON line each
    Normalize {
        /// What the objects are
        #[arg(long, value_name = "KIND")]
        from: Kind,
        /// A file with one object, an array, or a list envelope; `-` or nothing for standard input
        #[arg(default_value = "-")]
        file: PathBuf,
    },
    /// Print the ARM template (Logic App and Workflow Automation) that pushes alerts of Defender for Cloud to an address
    AutomationTemplate {
        /// Where to: the default of the template's secure parameter `pocketsocWebhookUrl`
        #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
        webhook_url: String,
        /// Only alerts at least so severe
        #[arg(long, value_name = "SEVERITY", default_value = "medium")]
        min_severity: Severity,
        /// What the Logic App and the automation are called, in place of the names of the guide
        #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        name: Option<String>,
    },
    /// Take what Defender for Cloud pushes, until interrupted, and print it as detections
    Receive {
        /// The address to listen on, such as 127.0.0.1:8080
        #[arg(long, value_name = "ADDR")]
        listen: SocketAddr,
        /// Only at `/` and the secret in this environment variable
        #[arg(long, value_name = "VAR")]
        path_secret_env: Option<String>,
    },
    /// Serve the embedded tenant until interrupted, and print a profile file for it
    Tenant {
        /// The port; one of the system's choice unless given
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// How many alerts it has
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(0..=5_000_000))]
        alerts: u32,
        /// Which population it has
        #[arg(long, default_value_t = 7)]
        seed: u64,
        /// Push alerts of Defender for Cloud there, such as to `soc receive`
        #[arg(long, value_name = "URL")]
        push_to: Option<String>,
        /// Raise an alert of Defender for Cloud and one of Defender for Endpoint every so many seconds
        #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
        raise_every: Option<u64>,
    },
}

#[derive(Debug, Default, ClapArgs)]
pub(crate) struct ListArgs {
    /// Only in this status; may be repeated
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Vec<Status>,
    /// Only at least this severe, and those of unknown severity
    #[arg(long, value_name = "SEVERITY")]
    pub(crate) min_severity: Option<Severity>,
    /// Only updated since: RFC 3339, or an age such as 90m, 24h, 7d
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<When>,
    /// Only updated before: RFC 3339, or an age
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<When>,
    /// Only on machines of this device group
    #[arg(long, value_name = "GROUP")]
    pub(crate) machine_group: Option<String>,
    /// At most so many, over all profiles
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Alerts only
    #[arg(long)]
    pub(crate) no_incidents: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct MachinesArgs {
    /// Only of this health, such as `active` or `no_sensor_data`
    #[arg(long, value_name = "HEALTH")]
    pub(crate) health: Option<String>,
    /// Only of this risk score: none, informational, low, medium, high
    #[arg(long, value_name = "RISK")]
    pub(crate) risk: Option<String>,
    /// Only of this device group
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct HuntArgs {
    /// The query, in KQL
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) kql: String,
    /// Through which service; unless given, Graph where a profile has it
    #[arg(long, value_name = "SERVICE")]
    pub(crate) via: Option<Via>,
    /// Only rows since: RFC 3339, or an age such as 90m, 24h, 7d; a result that is too large then comes in parts
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<When>,
    /// Only rows before: RFC 3339, or an age
    #[arg(long, value_name = "TIME", requires = "since")]
    pub(crate) until: Option<When>,
}

/// The services that can be hunted in, the one to prefer first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Via {
    /// Graph security
    Graph,
    /// Defender for Endpoint's own endpoint, which is being retired
    Mde,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ContainArgs {
    /// The machine's id, or a name or address that fits exactly one
    pub(crate) machine: String,
    /// Why: it stands in the audit log
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) comment: String,
    /// Follow the action to its end
    #[arg(long)]
    pub(crate) wait: bool,
    /// Only say what would be sent
    #[arg(long, conflicts_with = "wait")]
    pub(crate) dry_run: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TriageArgs {
    /// The detection's id
    pub(crate) id: String,
    /// The new status
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<Status>,
    /// The verdict
    #[arg(long, value_name = "CLASSIFICATION")]
    pub(crate) classification: Option<Classification>,
    /// The reason behind the verdict
    #[arg(long, value_name = "DETERMINATION")]
    pub(crate) determination: Option<Determination>,
    /// The new assignee, usually a user principal name
    #[arg(long, value_name = "USER", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) assign: Option<String>,
    /// A comment to add
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) comment: Option<String>,
    /// Where the status cannot be reached in one step, take the legal path to it
    #[arg(long)]
    pub(crate) walk: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct WatchArgs {
    /// Only at least this severe, and those of unknown severity
    #[arg(long, value_name = "SEVERITY")]
    pub(crate) min_severity: Option<Severity>,
    /// Go on where this file says, and write down there what was printed; a new file begins with what is listed
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// Begin with what was updated since: RFC 3339, or an age such as 90m, 24h, 7d
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<When>,
    /// Ask each profile once, then end
    #[arg(long)]
    pub(crate) once: bool,
}

/// What native objects are.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Kind {
    /// Alerts of Defender for Endpoint
    MdeAlert,
    /// Alerts of Defender for Cloud, as Azure Resource Manager has them
    DefenderCloudAlert,
    /// Alerts of Defender for Cloud, as they are pushed
    DefenderCloudPush,
    /// Alerts of Microsoft Graph security
    GraphAlert,
    /// Incidents of Microsoft Graph security
    GraphIncident,
}
