//! Isolating the right machine, once, and knowing what became of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mde_client::{
    ActionStatus, Cloud, Connection, Credential, ErrorKind, HostContainment, Intent, Isolation,
    IsolationScope, LiveResponse, MachineAction, MachineActionId, MachineActionQuery, MachineId, Machines,
    MdeClient, ScanDepth, Secret,
};
use pocketsoc_testkit::{Agent, Fault, Reply, Tenant, Trouble};
use pocketsoc_transport::SystemClock;

use crate::virtual_tenant::{client, tenant};

fn first(tenant: &Tenant) -> MachineId {
    MachineId::new(tenant.machine_names().swap_remove(0).0).unwrap()
}

async fn isolate(machines: &Machines, machine: &MachineId) -> pocketsoc_model::Result<MachineAction> {
    let handle = machines.begin(machine, &Intent::Isolate(IsolationScope::Full), "INC-42: beacon").await?;
    handle.wait().await
}

/// The writes that the tenant has received for machines.
fn posts(tenant: &Tenant) -> usize {
    tenant.requests_to("/api/machines/").iter().filter(|request| request.method == "POST").count()
}

#[tokio::test(start_paused = true)]
async fn an_isolation_is_followed_to_its_end_and_released_again() {
    let tenant = tenant().alerts(3).build();
    let (machines, machine) = (client(&tenant).machines(), first(&tenant));
    let done = isolate(&machines, &machine).await.unwrap();
    assert_eq!(done.progress(), ActionStatus::Succeeded);
    done.outcome().unwrap();
    assert!(tenant.is_isolated(machine.as_str()));
    let sent = tenant.requests_to("/isolate").pop().unwrap();
    let body = sent.json().unwrap();
    assert_eq!(body["IsolationType"], "Full");
    let comment = body["Comment"].as_str().unwrap();
    assert!(comment.starts_with("INC-42: beacon [pocketsoc ") && comment.ends_with(']'), "{comment}");

    let released = machines.begin(&machine, &Intent::Release, "clean").await.unwrap().wait().await.unwrap();
    assert_eq!(released.progress(), ActionStatus::Succeeded);
    assert!(!tenant.is_isolated(machine.as_str()));
}

#[tokio::test(start_paused = true)]
async fn the_target_is_one_machine_or_nothing_is_done() {
    let tenant = tenant().alerts(3).build();
    let machines = client(&tenant).machines();
    let names = tenant.machine_names();
    let (id, name) = names[3].clone();
    let short = name.split('.').next().unwrap();
    for text in [id.as_str(), &name, short, &name.to_uppercase(), "10.20.1.13"] {
        assert_eq!(machines.find(text).await.unwrap().id.as_str(), id, "{text}");
    }
    assert_eq!(machines.find("").await.unwrap_err().kind(), ErrorKind::InvalidRequest);
    for text in ["nobody", "dc", "10.99.0.1"] {
        let error = machines.find(text).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{text}: {error}");
    }
    let two = format!(
        r#"{{"value":[{{"id":"{}","computerDnsName":"twin.corp"}},{{"id":"{}","computerDnsName":"twin.corp"}}]}}"#,
        names[0].0, names[1].0
    );
    tenant.add_fault(Fault::on("/api/machines", Trouble::Answer(Reply::json(200, two))));
    let error = machines.find("twin").await.unwrap_err();
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
        let (machines, machine) = (client(&tenant).machines(), first(&tenant));
        let full = Intent::Isolate(IsolationScope::Full);
        let begun = machines.begin(&machine, &full, "first").await.unwrap();
        let joined = machines.begin(&machine, &full, "second").await.unwrap();
        assert_eq!((begun.has_joined(), joined.has_joined(), joined.id()), (false, true, begun.id()));
        for other in [Intent::Release, Intent::Isolate(IsolationScope::Selective)] {
            let error = machines.begin(&machine, &other, "no").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
            assert!(error.to_string().contains(begun.id().as_str()), "{error}");
        }
        assert_eq!((posts(&tenant), tenant.actions_on(machine.as_str()).len()), (1, 1));
        // Another process that has not looked first gets the action that there is, in either of the service's ways.
        tenant.add_fault(
            Fault::on("/api/machineactions", Trouble::Answer(Reply::json(200, r#"{"value":[]}"#))).once(),
        );
        let late = client(&tenant).machines().begin(&machine, &full, "third").await.unwrap();
        assert_eq!((late.has_joined(), late.id()), (true, begun.id()), "{hands_out}");
        assert_eq!(tenant.actions_on(machine.as_str()).len(), 1);
    }
}

/// Everything that can be done on a machine, and where it is sent.
fn intents() -> Vec<(Intent, &'static str)> {
    let sha1 = "6ed11b70af4ccae3c2a3c6bd5ad4b0a3f3c8a1c7".to_owned();
    vec![
        (Intent::Isolate(IsolationScope::Full), "/isolate"),
        (Intent::Isolate(IsolationScope::Selective), "/isolate"),
        (Intent::Contain, "/isolate"),
        (Intent::Release, "/unisolate"),
        (Intent::Restrict, "/restrictCodeExecution"),
        (Intent::Unrestrict, "/unrestrictCodeExecution"),
        (Intent::Scan(ScanDepth::Full), "/runAntiVirusScan"),
        (Intent::Quarantine(sha1), "/StopAndQuarantineFile"),
        (Intent::Collect, "/collectInvestigationPackage"),
        (Intent::Offboard, "/offboard"),
        (Intent::LiveResponse(LiveResponse::new().get_file(r"C:\x.dmp")), "/runliveresponse"),
    ]
}

#[tokio::test(start_paused = true)]
async fn a4_a6_an_action_whose_answer_was_lost_is_found_and_never_sent_again() {
    let lost = || {
        [500, 502, 504].map(|status| Trouble::Answering(Reply::empty(status))).into_iter().chain([
            Trouble::ResetAfter,
            Trouble::Hang,
            Trouble::Answering(Reply::json(201, "{")),
        ])
    };
    for (intent, path) in intents() {
        for trouble in lost() {
            let tenant = tenant().alerts(1).build();
            let (machines, machine) = (client(&tenant).machines(), first(&tenant));
            tenant.add_fault(Fault::on(path, trouble.clone()));
            let handle = machines
                .begin(&machine, &intent, "INC-42")
                .await
                .unwrap_or_else(|e| panic!("{trouble:?}: {e}"));
            assert!(!handle.has_joined());
            assert_eq!(
                (posts(&tenant), tenant.actions_on(machine.as_str()).len()),
                (1, 1),
                "{intent:?} {trouble:?}"
            );
            assert_eq!(handle.wait().await.unwrap().progress(), ActionStatus::Succeeded);
        }
        // Where it is not found, nobody knows, and nothing is tried again.
        for trouble in [500, 502, 504].map(|status| Trouble::Answer(Reply::empty(status))) {
            let tenant = tenant().alerts(1).build();
            let (machines, machine) = (client(&tenant).machines(), first(&tenant));
            tenant.add_fault(Fault::on(path, trouble));
            let error = machines.begin(&machine, &intent, "INC-42").await.unwrap_err();
            assert_eq!((error.kind(), posts(&tenant)), (ErrorKind::OutcomeUnknown, 1), "{intent:?}: {error}");
            assert!(error.hint().unwrap().contains("[pocketsoc "), "{:?}", error.hint());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a5_what_was_certainly_not_carried_out_is_sent_again_and_done_once() {
    for (intent, path) in intents() {
        for fault in [
            Fault::on(path, Trouble::Refuse).once(),
            Fault::throttle(path, "1").times(2),
            Fault::status(path, 401).once(),
        ] {
            let tenant = tenant().alerts(1).build();
            let (machines, machine) = (client(&tenant).machines(), first(&tenant));
            tenant.add_fault(fault);
            let handle = machines.begin(&machine, &intent, "INC-42").await.unwrap();
            assert!(!handle.has_joined() && posts(&tenant) > 1);
            assert_eq!(tenant.actions_on(machine.as_str()).len(), 1, "{intent:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_action_is_asked_for_as_its_page_says() {
    let sha1 = "6ed11b70af4ccae3c2a3c6bd5ad4b0a3f3c8a1c7";
    let members = [
        r#""IsolationType":"Full""#,
        r#""IsolationType":"Selective""#,
        r#""IsolationType":"UnManagedDevice""#,
        "",
        "",
        "",
        r#""ScanType":"Full""#,
        &format!(r#""Sha1":"{sha1}""#),
        "",
        "",
        r#""Commands":[{"params":[{"key":"Path","value":"C:\\x.dmp"}],"type":"GetFile"}]"#,
    ];
    for ((intent, path), member) in intents().into_iter().zip(members) {
        let tenant = tenant().alerts(1).build();
        let (machines, machine) = (client(&tenant).machines(), first(&tenant));
        machines.begin(&machine, &intent, " INC-42 ").await.unwrap();
        let request = tenant.requests().into_iter().rfind(|request| request.method == "POST").unwrap();
        assert_eq!(request.path, format!("/api/machines/{machine}{path}"));
        let body = std::str::from_utf8(&request.body).unwrap();
        assert!(body.contains(r#""Comment":"INC-42 [pocketsoc "#) && body.contains(member), "{body}");
        assert_eq!(request.json().unwrap().as_object().unwrap().len(), if member.is_empty() { 1 } else { 2 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_live_response_runs_its_commands_in_the_services_order_and_gives_links_to_the_results() {
    let tenant = tenant().alerts(1).build();
    let (client, machine) = (client(&tenant), first(&tenant));
    let commands = LiveResponse::new()
        .get_file(r"C:\Temp\lsass.dmp")
        .run_script("dump.ps1", Some("-Process lsass"))
        .run_script("clean.ps1", None)
        .put_file("procdump.exe");
    let intent = Intent::LiveResponse(commands);
    let handle = client.machines().begin(&machine, &intent, "INC-42").await.unwrap();
    let sent = tenant.requests_to("/runliveresponse").remove(0).json().unwrap();
    assert_eq!(
        sent["Commands"],
        serde_json::json!([
            {"type": "PutFile", "params": [{"key": "FileName", "value": "procdump.exe"}]},
            {"type": "RunScript", "params": [{"key": "ScriptName", "value": "dump.ps1"}, {"key": "Args", "value": "-Process lsass"}]},
            {"type": "RunScript", "params": [{"key": "ScriptName", "value": "clean.ps1"}]},
            {"type": "GetFile", "params": [{"key": "Path", "value": r"C:\Temp\lsass.dmp"}]},
        ])
    );
    // One session on a machine: a second is not joined to the first, which runs other commands.
    let error = client.machines().begin(&machine, &intent, "me too").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, Some("ActiveRequestAlreadyExists")));
    let done = handle.settled().await.unwrap();
    assert!(
        done.commands.len() == 4
            && done.commands.iter().all(|c| c.command_status.as_deref() == Some("Completed"))
    );
    let link = client.actions().live_response_link(&done.id, 1).await.unwrap();
    assert!(link.expose().starts_with("https://"));
    assert_eq!(
        tenant.requests().pop().unwrap().path,
        format!("/api/machineactions/{}/GetLiveResponseResultDownloadLink(index=1)", done.id)
    );
    assert_eq!(
        client.actions().live_response_link(&done.id, 9).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    let empty = Intent::LiveResponse(LiveResponse::new());
    assert_eq!(
        client.machines().begin(&machine, &empty, "x").await.unwrap_err().kind(),
        ErrorKind::InvalidRequest
    );
}

#[tokio::test(start_paused = true)]
async fn a_package_is_fetched_by_its_link_once_it_is_there() {
    let tenant = tenant().alerts(1).build();
    let (client, machine) = (client(&tenant), first(&tenant));
    let handle = client.machines().begin(&machine, &Intent::Collect, "evidence").await.unwrap();
    let error = client.actions().package_link(handle.id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "it is not complete");
    handle.settled().await.unwrap();
    let link = client.actions().package_link(handle.id()).await.unwrap();
    assert!(link.expose().starts_with("https://") && !link.expose().contains('"'), "the quotes are gone");
    let scan = client.machines().begin(&machine, &Intent::Scan(ScanDepth::Quick), "x").await.unwrap();
    assert_eq!(client.actions().package_link(scan.id()).await.unwrap_err().kind(), ErrorKind::InvalidRequest);
}

#[tokio::test(start_paused = true)]
async fn p27_a_stuck_duplicate_is_noticed_before_and_after_a_release() {
    let tenant = tenant().alerts(1).build();
    tenant.double_actions();
    let machine = first(&tenant);
    // What is under way is not always seen at once: two programs isolate the machine, and the duplicate hangs.
    let unseen = || {
        let nothing = Trouble::Answer(Reply::json(200, r#"{"value":[]}"#));
        tenant.add_fault(Fault::on("/machineactions", nothing).for_query("filter").once());
    };
    let full = Intent::Isolate(IsolationScope::Full);
    let (one, other) = (client(&tenant).machines(), client(&tenant).machines());
    let first = one.begin(&machine, &full, "one").await.unwrap();
    unseen();
    let stuck = other.begin(&machine, &full, "two").await.unwrap();
    assert_ne!(first.id(), stuck.id());
    first.settled().await.unwrap();
    assert!(stuck.now().await.unwrap().is_under_way());
    let error = one.release(&machine, "clean").await.unwrap_err();
    assert!(error.kind() == ErrorKind::Conflict && error.message().contains(stuck.id().as_str()), "{error}");
    // One that could not be seen before the release is seen after it.
    tenant
        .add_fault(Fault::on("/machineactions", Trouble::Answer(Reply::json(200, r#"{"value":[]}"#))).once());
    let release = one.release(&machine, "clean").await.unwrap();
    let error = release.settled().await.unwrap_err();
    assert!(error.kind() == ErrorKind::Conflict && error.message().contains(stuck.id().as_str()), "{error}");
    stuck.cancel("a duplicate").await.unwrap();
    release.settled().await.unwrap();
    assert!(!tenant.is_isolated(machine.as_str()));
}

#[tokio::test(start_paused = true)]
async fn a14_an_isolation_does_not_wait_behind_an_export() {
    let clock = Arc::new(SystemClock::starting_at("2026-09-21T13:00:00Z".parse().unwrap()));
    let tenant = Tenant::builder().alerts(1).clock(clock.clone()).build();
    tenant.keep_quotas();
    let credential = Credential::client_secret(Tenant::ID, Tenant::CLIENT_ID, Secret::new(Tenant::SECRET));
    let connection =
        Connection::builder(credential, Cloud::Public).http(tenant.exchange()).clock(clock).build();
    let client = MdeClient::new(&connection.unwrap()).unwrap();
    let machine = first(&tenant);
    let mut export = tokio::task::JoinSet::new();
    let exported = Arc::new(Mutex::new(0));
    for _ in 0..400 {
        let (actions, exported) = (client.actions(), Arc::clone(&exported));
        export.spawn(async move {
            drop(actions.list(&MachineActionQuery::new()).next().await);
            *exported.lock().unwrap() += 1;
        });
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    let before = tokio::time::Instant::now();
    client.machines().isolate(&machine, Isolation::full("INC-42")).await.unwrap();
    let waited = before.elapsed();
    assert!(waited <= Duration::from_secs_f64(2.4), "{waited:?}");
    let exported = *exported.lock().unwrap();
    assert!((50..300).contains(&exported), "the export is still at it: {exported}");
}

#[tokio::test(start_paused = true)]
async fn every_end_is_told_as_what_it_is() {
    let tenant = tenant().alerts(3).build();
    let (machines, machine) = (client(&tenant).machines(), first(&tenant));
    for (agent, status, said) in
        [(Agent::Fails, ActionStatus::Failed, "failed"), (Agent::IsOff, ActionStatus::TimedOut, "timed out")]
    {
        tenant.set_agent(machine.as_str(), agent);
        let done = isolate(&machines, &machine).await.unwrap();
        assert_eq!(done.progress(), status);
        let error = done.outcome().unwrap_err();
        assert!(error.kind() == ErrorKind::NotApplied && error.to_string().contains(said), "{error}");
    }
    let handle = machines.begin(&machine, &Intent::Collect, "evidence").await.unwrap();
    assert_eq!(handle.cancel("").await.unwrap_err().kind(), ErrorKind::InvalidRequest);
    // Another process takes it up by its id, and calls it off.
    let elsewhere = client(&tenant).actions().resume(MachineActionId::new(handle.id().as_str()).unwrap());
    assert_eq!(elsewhere.cancel("not needed").await.unwrap().progress(), ActionStatus::Cancelled);
    assert!(handle.wait().await.unwrap().outcome().unwrap_err().to_string().contains("called off"));
    assert_eq!(handle.cancel("again").await.unwrap().progress(), ActionStatus::Cancelled, "twice is once");
    tenant.set_agent(machine.as_str(), Agent::Works);
    let done = machines.begin(&machine, &Intent::Restrict, "x").await.unwrap();
    done.wait().await.unwrap();
    assert_eq!(done.cancel("too late").await.unwrap_err().kind(), ErrorKind::Conflict);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_says_what_would_be_sent_and_sends_nothing() {
    let tenant = tenant().alerts(3).build();
    let (machines, machine) = (client(&tenant).machines(), first(&tenant));
    let plan = machines.plan(&machine, &Intent::Isolate(IsolationScope::Selective), "INC-42").await.unwrap();
    assert_eq!(plan.target, format!("/api/machines/{machine}/isolate"));
    assert_eq!(plan.body, r#"{"Comment":"INC-42 [pocketsoc …]","IsolationType":"Selective"}"#);
    assert_eq!((plan.joins, posts(&tenant)), (None, 0));
    for (intent, comment) in [(Intent::Release, " "), (Intent::Quarantine("no hash".into()), "x")] {
        let error = machines.plan(&machine, &intent, comment).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    }
}

#[tokio::test(start_paused = true)]
async fn fifty_at_once_leave_no_double_and_the_state_that_was_last_accepted() {
    for seed in 0..20 {
        let tenant = tenant().alerts(1).build();
        // Everything takes its time, so that they meet.
        tenant.add_fault(Fault::on("/api/machine", Trouble::Late(Duration::from_millis(400))));
        let (client, machine) = (client(&tenant), first(&tenant));
        let accepted = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = tokio::task::JoinSet::new();
        let mut random = fastrand::Rng::with_seed(seed);
        for n in 0..50 {
            let (machines, machine, accepted) = (client.machines(), machine.clone(), Arc::clone(&accepted));
            // Half of them at the very same moment.
            let delay = if n % 2 == 0 { 20_000 * random.u64(..6) } else { random.u64(..120_000) };
            let (delay, isolates) = (Duration::from_millis(delay), random.bool());
            tasks.spawn(async move {
                tokio::time::sleep(delay).await;
                let intent = if isolates { Intent::Isolate(IsolationScope::Full) } else { Intent::Release };
                match machines.begin(&machine, &intent, &format!("task {n}")).await {
                    Ok(_) => accepted.lock().unwrap().push(isolates),
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
        let last = *accepted.lock().unwrap().last().unwrap();
        assert_eq!(tenant.is_isolated(machine.as_str()), last, "seed {seed}: {actions:?}");
        assert!(!tenant.had_two_at_once(machine.as_str()), "seed {seed}");
    }
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

#[tokio::test(start_paused = true)]
async fn where_it_cannot_be_seen_what_is_under_way_nothing_is_begun() {
    let tenant = tenant().alerts(1).build();
    let (machines, machine) = (client(&tenant).machines(), first(&tenant));
    let body = r#"{"error":{"code":"NotFound","message":"No HTTP resource was found"}}"#;
    tenant.add_fault(Fault::on("/api/machineactions", Trouble::Answer(Reply::json(404, body))));
    let error = machines.isolate(&machine, Isolation::full("INC-42")).await.unwrap_err();
    assert_eq!((error.kind(), posts(&tenant)), (ErrorKind::NotFound, 0), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_was_begun_is_told_although_it_cannot_be_read_at_once() {
    let tenant = tenant().alerts(1).build();
    let containment = client(&tenant).containment();
    let host = pocketsoc_model::HostId::new(first(&tenant).as_str()).unwrap();
    tenant.add_fault(Fault::status("/api/machineactions/", 503));
    let action = containment.isolate(&host, &Isolation::full("INC-42")).await.unwrap();
    assert_eq!((action.status, &action.host), (ActionStatus::Pending, &host));
    let handle = client(&tenant).machines().isolate(&first(&tenant), Isolation::full("x")).await.unwrap();
    assert_eq!(handle.begun().unwrap().id.as_str(), action.id.as_str(), "joined");
}

#[tokio::test(start_paused = true)]
async fn what_is_over_is_not_joined_whatever_the_service_calls_that() {
    let tenant = tenant().alerts(1).build();
    let (machines, machine) = (client(&tenant).machines(), first(&tenant));
    let full = Intent::Isolate(IsolationScope::Full);
    let begun = machines.begin(&machine, &full, "first").await.unwrap();
    begun.wait().await.unwrap();
    let listed = |status: &str| {
        let text = format!(
            r#"{{"value":[{{"id":"{}","type":"Isolate","scope":"Full","machineId":"{machine}","status":"{status}"}}]}}"#,
            begun.id()
        );
        Fault::on("/api/machineactions", Trouble::Answer(Reply::json(200, text))).for_query("filter").once()
    };
    for over in ["Succeeded", "TimedOut", "Canceled"] {
        tenant.add_fault(listed(over));
        let again = machines.begin(&machine, &full, "again").await.unwrap();
        assert!(!again.has_joined(), "{over}");
        again.wait().await.unwrap();
    }
    tenant.add_fault(listed("Evaporated"));
    let error = machines.begin(&machine, &full, "again").await.unwrap_err();
    assert!(error.kind() == ErrorKind::Conflict && error.message().contains("Evaporated"), "{error}");
    // Nor is one waited for without end.
    let odd = Trouble::Replace("\"status\":\"Succeeded\"".into(), "\"status\":\"Evaporated\"".into());
    tenant.add_fault(Fault::on(begun.id().as_str(), odd));
    let error = begun.wait().await.unwrap_err();
    assert!(error.kind() == ErrorKind::Unexpected && error.message().contains("Evaporated"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_action_that_is_handed_out_is_joined_only_if_it_does_what_is_wanted() {
    let tenant = tenant().alerts(1).build();
    tenant.hand_out_pending_actions();
    let (machines, machine) = (client(&tenant).machines(), first(&tenant));
    let selective = machines.isolate(&machine, Isolation::selective("one")).await.unwrap();
    let unseen = Trouble::Answer(Reply::json(200, r#"{"value":[]}"#));
    tenant.add_fault(Fault::on("/api/machineactions", unseen).for_query("filter").once());
    let error = machines.isolate(&machine, Isolation::full("two")).await.unwrap_err();
    assert!(
        error.kind() == ErrorKind::Conflict && error.message().contains(selective.id().as_str()),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_the_service_does_not_end_the_wait() {
    let tenant = tenant().alerts(1).build();
    let (machines, machine) = (client(&tenant).machines(), first(&tenant));
    let handle = machines.isolate(&machine, Isolation::full("INC-42")).await.unwrap();
    tenant.add_fault(Fault::throttle("/api/machineactions/", "300").times(3));
    let before = tokio::time::Instant::now();
    assert_eq!(handle.wait().await.unwrap().progress(), ActionStatus::Succeeded);
    assert!(before.elapsed() >= Duration::from_secs(900), "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_name_in_place_of_an_id_is_the_same_machine() {
    let tenant = tenant().alerts(1).build();
    let (id, name) = tenant.machine_names().swap_remove(0);
    let machines = client(&tenant).machines();
    let by_name = MachineId::new(name).unwrap();
    let begun = machines.isolate(&by_name, Isolation::full("INC-42")).await.unwrap();
    let joined = machines.isolate(&MachineId::new(id.as_str()).unwrap(), Isolation::full("x")).await.unwrap();
    assert_eq!(joined.id(), begun.id(), "what is under way is found by either");
    assert_eq!(tenant.requests_to("/isolate")[0].path, format!("/api/machines/{id}/isolate"));
    // An address that it had long ago may be somebody else's.
    let address = machines.get(&by_name).await.unwrap().last_ip_address.unwrap();
    assert_eq!(machines.find(&address).await.unwrap().id.as_str(), id);
    let old = format!(
        r#"{{"value":[{{"id":"{id}","lastIpAddress":"{address}","lastSeen":"2026-09-19T12:00:00Z"}}]}}"#
    );
    tenant.add_fault(Fault::on("/api/machines", Trouble::Answer(Reply::json(200, old))).for_query("filter"));
    assert_eq!(machines.find(&address).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn who_stops_waiting_leaves_the_action_and_the_machine_alone() {
    let tenant = tenant().alerts(1).build();
    let (machines, machine) = (client(&tenant).machines(), first(&tenant));
    // Dropped while it looks, while it is sent, and while it waits.
    for after in [10, 600, 1_500] {
        tenant.add_fault(Fault::on("/api/machine", Trouble::Late(Duration::from_millis(500))).times(2));
        let full = Isolation::full("INC-42");
        let dropped = tokio::time::timeout(Duration::from_millis(after), isolate(&machines, &machine)).await;
        assert!(dropped.is_err());
        let handle = machines.isolate(&machine, full).await.unwrap();
        assert_eq!(handle.wait().await.unwrap().progress(), ActionStatus::Succeeded);
        machines.release(&machine, "x").await.unwrap().wait().await.unwrap();
        tenant.clear_faults();
    }
    assert!(!tenant.had_two_at_once(machine.as_str()));
}
