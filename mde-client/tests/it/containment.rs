//! Isolating the right machine, once, and knowing what became of it.

use std::time::Duration;

use mde_client::{
    ActionStatus, Containment, ErrorKind, HostContainment, Intent, Isolation, IsolationScope, MachineAction,
    MachineActionId, MachineId,
};
use pocketsoc_testkit::{Agent, Fault, Tenant, Trouble};

use crate::virtual_tenant::{client, tenant};

fn first(tenant: &Tenant) -> MachineId {
    MachineId::new(tenant.machine_names().swap_remove(0).0).unwrap()
}

async fn isolate(containment: &Containment, machine: &MachineId) -> pocketsoc_model::Result<MachineAction> {
    let handle = containment.begin(machine, &Intent::Isolate(IsolationScope::Full), "INC-42: beacon").await?;
    handle.wait().await
}

/// The writes that the tenant has received for machines.
fn posts(tenant: &Tenant) -> usize {
    tenant.requests_to("/api/machines/").iter().filter(|request| request.method == "POST").count()
}

#[tokio::test(start_paused = true)]
async fn an_isolation_is_followed_to_its_end_and_released_again() {
    let tenant = tenant().alerts(3).build();
    let (containment, machine) = (client(&tenant).containment(), first(&tenant));
    let done = isolate(&containment, &machine).await.unwrap();
    assert_eq!(done.progress(), ActionStatus::Succeeded);
    done.outcome().unwrap();
    assert!(tenant.is_isolated(machine.as_str()));
    let sent = tenant.requests_to("/isolate").pop().unwrap();
    let body = sent.json().unwrap();
    assert_eq!(body["IsolationType"], "Full");
    let comment = body["Comment"].as_str().unwrap();
    assert!(comment.starts_with("INC-42: beacon [pocketsoc ") && comment.ends_with(']'), "{comment}");

    let released =
        containment.begin(&machine, &Intent::Release, "clean").await.unwrap().wait().await.unwrap();
    assert_eq!(released.progress(), ActionStatus::Succeeded);
    assert!(!tenant.is_isolated(machine.as_str()));
}

#[tokio::test(start_paused = true)]
async fn the_target_is_one_machine_or_nothing_is_done() {
    let tenant = tenant().alerts(3).build();
    let containment = client(&tenant).containment();
    let names = tenant.machine_names();
    let (id, name) = names[3].clone();
    let short = name.split('.').next().unwrap();
    for text in [id.as_str(), &name, short, &name.to_uppercase(), "10.20.1.13"] {
        assert_eq!(containment.find(text).await.unwrap().id.as_str(), id, "{text}");
    }
    for text in ["nobody", "dc", "10.99.0.1", ""] {
        let error = containment.find(text).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{text}: {error}");
    }
    let two = format!(
        r#"{{"value":[{{"id":"{}","computerDnsName":"twin.corp"}},{{"id":"{}","computerDnsName":"twin.corp"}}]}}"#,
        names[0].0, names[1].0
    );
    tenant.add_fault(Fault::on("/api/machines", Trouble::Answer(pocketsoc_testkit::Reply::json(200, two))));
    let error = containment.find("twin").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous);
    assert!(error.to_string().contains("2 machines"), "{error}");
    assert_eq!(posts(&tenant), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_is_joined_and_its_opposite_is_a_conflict() {
    for hands_out in [false, true] {
        let tenant = tenant().alerts(3).build();
        if hands_out {
            tenant.hand_out_pending_actions();
        }
        let (containment, machine) = (client(&tenant).containment(), first(&tenant));
        let full = Intent::Isolate(IsolationScope::Full);
        let begun = containment.begin(&machine, &full, "first").await.unwrap();
        let joined = containment.begin(&machine, &full, "second").await.unwrap();
        assert_eq!((begun.has_joined(), joined.has_joined(), joined.id()), (false, true, begun.id()));
        for other in [Intent::Release, Intent::Isolate(IsolationScope::Selective)] {
            let error = containment.begin(&machine, &other, "no").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
            assert!(error.to_string().contains(begun.id().as_str()), "{error}");
        }
        assert_eq!((posts(&tenant), tenant.actions_on(machine.as_str()).len()), (1, 1));
        // Another process that has not looked first gets the action that there is, in either of the service's ways.
        tenant.add_fault(
            Fault::on(
                "/api/machineactions",
                Trouble::Answer(pocketsoc_testkit::Reply::json(200, r#"{"value":[]}"#)),
            )
            .once(),
        );
        let late = client(&tenant).containment().begin(&machine, &full, "third").await.unwrap();
        assert_eq!((late.has_joined(), late.id()), (true, begun.id()), "{hands_out}");
        assert_eq!(tenant.actions_on(machine.as_str()).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_isolation_whose_answer_was_lost_is_found_and_never_sent_again() {
    for trouble in [
        Trouble::ResetAfter,
        Trouble::Answering(pocketsoc_testkit::Reply::empty(500)),
        Trouble::Answering(pocketsoc_testkit::Reply::empty(502)),
        Trouble::Answering(pocketsoc_testkit::Reply::empty(504)),
    ] {
        let tenant = tenant().alerts(3).build();
        let (containment, machine) = (client(&tenant).containment(), first(&tenant));
        tenant.add_fault(Fault::on("/isolate", trouble));
        let done = isolate(&containment, &machine).await.unwrap();
        assert_eq!(done.progress(), ActionStatus::Succeeded);
        assert_eq!((tenant.requests_to("/isolate").len(), tenant.actions_on(machine.as_str()).len()), (1, 1));
    }
    // Where it is not found, nobody knows, and nothing is tried again.
    let tenant = tenant().alerts(3).build();
    let (containment, machine) = (client(&tenant).containment(), first(&tenant));
    tenant.add_fault(Fault::status("/isolate", 500));
    let error = isolate(&containment, &machine).await.unwrap_err();
    assert_eq!(
        (error.kind(), tenant.requests_to("/isolate").len()),
        (ErrorKind::OutcomeUnknown, 1),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("[pocketsoc "), "{:?}", error.hint());
}

#[tokio::test(start_paused = true)]
async fn what_was_certainly_not_carried_out_is_sent_again() {
    for fault in [
        Fault::on("/isolate", Trouble::Refuse).once(),
        Fault::throttle("/isolate", "1").times(2),
        Fault::status("/isolate", 401).once(),
    ] {
        let tenant = tenant().alerts(3).build();
        let (containment, machine) = (client(&tenant).containment(), first(&tenant));
        tenant.add_fault(fault);
        isolate(&containment, &machine).await.unwrap();
        assert_eq!(tenant.actions_on(machine.as_str()).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn every_end_is_told_as_what_it_is() {
    let tenant = tenant().alerts(3).build();
    let (containment, machine) = (client(&tenant).containment(), first(&tenant));
    for (agent, status, said) in
        [(Agent::Fails, ActionStatus::Failed, "failed"), (Agent::IsOff, ActionStatus::TimedOut, "timed out")]
    {
        tenant.set_agent(machine.as_str(), agent);
        let done = isolate(&containment, &machine).await.unwrap();
        assert_eq!(done.progress(), status);
        let error = done.outcome().unwrap_err();
        assert!(error.kind() == ErrorKind::NotApplied && error.to_string().contains(said), "{error}");
    }
    let handle = containment.begin(&machine, &Intent::Collect, "evidence").await.unwrap();
    assert_eq!(handle.cancel("").await.unwrap_err().kind(), ErrorKind::InvalidRequest);
    // Another process takes it up by its id, and calls it off.
    let elsewhere = client(&tenant).containment().resume(MachineActionId::new(handle.id().as_str()).unwrap());
    assert_eq!(elsewhere.cancel("not needed").await.unwrap().progress(), ActionStatus::Cancelled);
    assert!(handle.wait().await.unwrap().outcome().unwrap_err().to_string().contains("called off"));
    assert_eq!(handle.cancel("again").await.unwrap().progress(), ActionStatus::Cancelled, "twice is once");
    tenant.set_agent(machine.as_str(), Agent::Works);
    let done = containment.begin(&machine, &Intent::Restrict, "x").await.unwrap();
    done.wait().await.unwrap();
    assert_eq!(done.cancel("too late").await.unwrap_err().kind(), ErrorKind::Conflict);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_says_what_would_be_sent_and_sends_nothing() {
    let tenant = tenant().alerts(3).build();
    let (containment, machine) = (client(&tenant).containment(), first(&tenant));
    let plan =
        containment.plan(&machine, &Intent::Isolate(IsolationScope::Selective), "INC-42").await.unwrap();
    assert_eq!(plan.target, format!("/api/machines/{machine}/isolate"));
    assert_eq!(plan.body, r#"{"Comment":"INC-42 [pocketsoc …]","IsolationType":"Selective"}"#);
    assert_eq!((plan.joins, posts(&tenant)), (None, 0));
    for (intent, comment) in [(Intent::Release, " "), (Intent::Quarantine("no hash".into()), "x")] {
        let error = containment.plan(&machine, &intent, comment).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    }
}

#[tokio::test(start_paused = true)]
async fn fifty_at_once_leave_no_double_and_the_state_that_was_last_accepted() {
    let tenant = tenant().alerts(3).build();
    let (client, machine) = (client(&tenant), first(&tenant));
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..50_u64 {
        let (containment, machine) = (client.containment(), machine.clone());
        tasks.spawn(async move {
            tokio::time::sleep(Duration::from_millis(n * 137 % 1000 * 90)).await;
            let intent = if n % 2 == 0 { Intent::Isolate(IsolationScope::Full) } else { Intent::Release };
            match containment.begin(&machine, &intent, &format!("task {n}")).await {
                Ok(_) => {}
                Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    let actions = tenant.actions_on(machine.as_str());
    assert!(actions.len() > 1 && actions.iter().all(|(_, status)| status == "Succeeded"), "{actions:?}");
    // Of what is done to the end one after the other, the last decides.
    assert_eq!(tenant.is_isolated(machine.as_str()), actions.last().unwrap().0 == "Isolate", "{actions:?}");
}

#[tokio::test(start_paused = true)]
async fn it_is_a_containment_like_any_other() {
    let tenant = tenant().alerts(3).build();
    let containment = client(&tenant).containment();
    let containment: &dyn HostContainment = &containment;
    let host = containment.find_host(&tenant.machine_names()[0].1).await.unwrap();
    let action = containment.isolate(&host.id, &Isolation::selective("INC-42")).await.unwrap();
    assert_eq!((action.status, &action.host), (ActionStatus::Pending, &host.id));
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(containment.action(&action.id).await.unwrap().status, ActionStatus::Succeeded);
    let release = containment.release(&host.id, "clean").await.unwrap();
    assert_eq!(containment.cancel(&release.id, "wait").await.unwrap().status, ActionStatus::Cancelled);
}
