//! Isolates a machine, follows that to its end, and releases it again.
//!
//! `cargo run --example isolate_machine` uses a fake tenant. With a real one, name the machine, and mean it:
//! `cargo run --example isolate_machine -- ws-001 "INC-42: beacon"`.
#![allow(clippy::print_stdout)]

mod tenant;

use mde_client::{Intent, Isolation, IsolationScope, MdeClient};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let place = tenant::connect().await?;
    let mut arguments = std::env::args().skip(1);
    let mut client = MdeClient::builder(&place.connection);
    let (name, comment) = match (place.address(), arguments.next(), arguments.next()) {
        (_, Some(name), Some(comment)) => (name, comment),
        (Some(_), ..) => ("ws-001".to_owned(), "INC-42: beacon".to_owned()),
        _ => anyhow::bail!("which machine, and why?"),
    };
    if let Some(address) = place.address() {
        client = client.base_url(address);
    }
    let client = client.build()?;
    let machines = client.machines();

    // One machine, or an error that lists the candidates.
    let machine = machines.find(&name).await?;
    // A dry run: what would be sent, and whether somebody is at it already.
    println!("{:?}", machines.plan(&machine.id, &Intent::Isolate(IsolationScope::Full), &comment).await?);
    let action = machines.isolate(&machine.id, Isolation::full(comment)).await?;
    println!("{} begun; it goes on if this ends here, and `resume` takes it up again", action.id());

    let done = client.actions().resume(action.id().clone()).settled().await?;
    println!("{name} is isolated: {:?}", done.progress());
    let action = machines.release(&machine.id, "clean again").await?;
    action.settled().await?;
    println!("{name} is released");
    Ok(())
}
