//! `soc`: the front door of pocketsoc. Arguments in, detections out; everything else is the libraries'.

mod age;
mod args;
mod card;
mod commands;
mod embedded;
mod failure;
mod output;
mod profile;
mod session;
mod sign_in;

use std::process::ExitCode;

use clap::Parser as _;
use failure::Outcome;

fn main() -> ExitCode {
    let args = args::Args::parse(); // exits with 2 on wrong usage
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failure::Failure::usage(format!("cannot start: {error}")).report(),
    };
    match runtime.block_on(commands::run(args)) {
        Ok(Outcome::Complete) => ExitCode::SUCCESS,
        Ok(Outcome::WithFailures) => ExitCode::from(1),
        Err(failure) => failure.report(),
    }
}
