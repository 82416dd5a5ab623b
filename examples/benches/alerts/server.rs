//! A server in a process of its own: alerts with evidence of the fake tenant, each with a number of its own, on loopback.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pocketsoc_testkit::{AzureRole, Request, Tenant};

use crate::measure::{SUBSCRIPTION, Service};

const ASKED: &str = "POCKETSOC_BENCH_SERVE";
/// Where an alert's own number stands, in every rendered alert.
const NUMBER: &str = "000000000000000000";

/// The server's process; it ends with this.
pub struct Server {
    child: Child,
    address: String,
}

impl Server {
    pub fn spawn() -> Self {
        let exe = std::env::current_exe().unwrap();
        let mut child = Command::new(exe).env(ASKED, "1").stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { child, address: address.trim().to_owned() }
    }

    /// A base address under which there are `total` alerts in pages of `page`, each answered after `wait`.
    pub fn url(&self, page: usize, total: usize, wait: Duration) -> String {
        format!("{}/{page}/{total}/{}", self.address, wait.as_millis())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves until killed, if this process was started for that.
pub fn serve_if_asked() -> bool {
    if std::env::var_os(ASKED).is_none() {
        return false;
    }
    let alerts = std::sync::Arc::new(Service::ALL.map(alerts));
    for (service, alerts) in Service::ALL.into_iter().zip(alerts.iter()) {
        let bytes: usize = alerts.iter().map(String::len).sum();
        eprintln!("{}: {} bytes an alert", service.name(), bytes / alerts.len());
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    for stream in listener.incoming().flatten() {
        let alerts = alerts.clone();
        std::thread::spawn(move || {
            let _ = serve(stream, &alerts);
        });
    }
    true
}

/// Alerts of the fake tenant, each with a place for its number.
fn alerts(service: Service) -> Vec<String> {
    let tenant = Tenant::builder().alerts(1000).cloud_alerts(1200).build();
    let token = match service {
        Service::Endpoint => tenant.token_with_roles(&["Alert.Read.All"]),
        Service::Azure => tenant.azure_token(AzureRole::SecurityReader),
        Service::Graph => tenant.graph_token_with_roles(&["SecurityAlert.Read.All"]),
    };
    let mut target = match service {
        // What other products raise has little evidence.
        Service::Graph => {
            "/v1.0/security/alerts_v2?$top=1000&$filter=serviceSource eq 'microsoftDefenderForEndpoint'"
                .to_owned()
        }
        other => other.path(),
    };
    let mut all = Vec::new();
    loop {
        let page: serde_json::Value =
            serde_json::from_slice(&tenant.answer(&get(&target, &token)).body).unwrap();
        all.extend(page["value"].as_array().unwrap().iter().map(|alert| numbered(service, alert)));
        let link = page["nextLink"].as_str().or(page["@odata.nextLink"].as_str());
        match link.and_then(|link| link.find("//").map(|at| &link[at + 2..])) {
            Some(rest) => target = rest[rest.find('/').unwrap()..].replace("%24", "$"),
            None => return all,
        }
    }
}

/// An alert as text, the key of its id first, with a place for a number in it.
fn numbered(service: Service, alert: &serde_json::Value) -> String {
    let id = match service {
        Service::Endpoint | Service::Graph => format!("da{NUMBER}_0"),
        Service::Azure => format!(
            "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-shop/providers/Microsoft.Security/locations/westeurope/alerts/{NUMBER}"
        ),
    };
    let mut rest = alert.clone();
    rest.as_object_mut().unwrap().remove("id");
    format!("{{\"id\":\"{id}\",{}", &rest.to_string()[1..])
}

fn get(target: &str, token: &str) -> Request {
    let (path, query) = target.split_once('?').unwrap();
    Request {
        method: "GET".into(),
        path: path.into(),
        query: query.into(),
        headers: vec![
            ("authorization".into(), format!("Bearer {token}")),
            ("prefer".into(), "include-unknown-enum-members".into()),
        ],
        body: bytes::Bytes::new(),
    }
}

/// The elements of a page, and where the numbers stand in them.
struct Rendered {
    service: Service,
    page: usize,
    body: Vec<u8>,
    places: Vec<usize>,
}

/// Answers `GET /{page}/{total}/{wait}/…?…$skip={n}`, again and again.
fn serve(stream: TcpStream, alerts: &[Vec<String>; 3]) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let host = stream.local_addr()?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let mut cached: Option<Rendered> = None;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
        while line.trim() != "" {
            line.clear();
            reader.read_line(&mut line)?;
        }
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let mut numbers = path.split('/').filter_map(|s| s.parse::<usize>().ok());
        let mut number = || numbers.next().unwrap_or_default();
        let (page, total, wait) = (number(), number(), number());
        let skip: usize =
            query.split('&').find_map(|o| o.strip_prefix("$skip=")).and_then(|n| n.parse().ok()).unwrap_or(0);
        let service = Service::ALL
            .into_iter()
            .find(|s| path.ends_with(s.path().split('?').next().unwrap()))
            .unwrap_or(Service::Endpoint);
        std::thread::sleep(Duration::from_millis(wait as u64));

        let next = skip + page;
        let following = format!("http://{host}{path}?$skip={next}");
        let (before, behind) = match service {
            // Graph has the link ahead of the elements, the others behind them.
            Service::Graph if next < total => {
                (format!("\"@odata.nextLink\":\"{following}\","), String::new())
            }
            Service::Endpoint if next < total => {
                (String::new(), format!(",\"@odata.nextLink\":\"{following}\""))
            }
            Service::Azure if next < total => (String::new(), format!(",\"nextLink\":\"{following}\"")),
            _ => (String::new(), String::new()),
        };
        let (before, behind) = (format!("{{{before}\"value\":["), format!("]{behind}}}"));
        if skip >= total {
            let body = "{\"value\":[]}";
            head(&mut writer, body.len())?;
            writer.write_all(body.as_bytes())?;
            continue;
        }
        // The page is rendered once; only the numbers are written anew.
        let rendered = match &mut cached {
            Some(rendered) if rendered.page == page && rendered.service == service => rendered,
            _ => cached.insert(render(service, page, &alerts[service as usize])),
        };
        for (n, place) in rendered.places.iter().enumerate() {
            let digits = format!("{:018}", skip + n);
            rendered.body[*place..*place + NUMBER.len()].copy_from_slice(digits.as_bytes());
        }
        head(&mut writer, before.len() + rendered.body.len() + behind.len())?;
        writer.write_all(before.as_bytes())?;
        writer.write_all(&rendered.body)?;
        writer.write_all(behind.as_bytes())?;
    }
}

fn head(writer: &mut TcpStream, length: usize) -> std::io::Result<()> {
    write!(writer, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n")
}

fn render(service: Service, page: usize, alerts: &[String]) -> Rendered {
    let mut body = String::new();
    let mut places = Vec::with_capacity(page);
    for n in 0..page {
        if n > 0 {
            body.push(',');
        }
        let alert = &alerts[n % alerts.len()];
        places.push(body.len() + alert.find(NUMBER).unwrap());
        body.push_str(alert);
    }
    Rendered { service, page, body: body.into_bytes(), places }
}

/// Reads a child's whole output.
pub fn output(mut child: Child) -> String {
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success());
    text
}
