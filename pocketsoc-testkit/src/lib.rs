#![doc = include_str!("../README.md")]

pub mod conformance;
mod exchange;
mod fault;
mod fault_server;
mod fidelity;
mod filter;
pub mod hazards;
mod message;
mod population;
mod server;
mod tenant;

pub use exchange::{ExchangeFuture, TenantBody};
pub use fault::{Fault, Trouble};
pub use fault_server::{FaultServer, Script, Step};
pub use fidelity::members_without_a_field;
pub use message::{Reply, Request};
pub use population::cloud_families;
pub use server::TenantServer;
pub use tenant::{Agent, App, AzureRole, GraphTroubles, Push, Tenant, TenantBuilder};
