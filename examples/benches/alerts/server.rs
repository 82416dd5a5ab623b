//! A process that serves pre-rendered pages of realistic alerts, about 4 KB each, on loopback.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use pocketsoc_testkit::{Request, Tenant};

const ASKED: &str = "POCKETSOC_BENCH_SERVE";
/// Where an alert's own number stands, in every rendered alert.
const NUMBER: &str = "da000000000000000000_0";

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

    /// A base address under which there are `total` alerts in pages of `page`.
    pub fn url(&self, page: usize, total: usize) -> String {
        format!("{}/{page}/{total}", self.address)
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
    let alerts = alerts();
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

/// A thousand alerts of the fake tenant, evidence included, each with a place for its number.
fn alerts() -> Vec<String> {
    let tenant = Tenant::builder().alerts(1000).build();
    let token = tenant.token_with_roles(&["Alert.Read.All"]);
    let request = http_get("/api/alerts?$expand=evidence", &token);
    let page: serde_json::Value = serde_json::from_slice(&tenant.answer(&request).body).unwrap();
    page["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| {
            let text = serde_json::to_string(alert).unwrap();
            text.replacen(alert["id"].as_str().unwrap(), NUMBER, 1)
        })
        .collect()
}

fn http_get(target: &str, token: &str) -> Request {
    let (path, query) = target.split_once('?').unwrap();
    Request {
        method: "GET".into(),
        path: path.into(),
        query: query.into(),
        headers: vec![("authorization".into(), format!("Bearer {token}"))],
        body: bytes::Bytes::new(),
    }
}

/// Answers `GET /{page}/{total}/api/alerts?…$skip={n}`, again and again.
fn serve(stream: TcpStream, alerts: &[String]) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let host = stream.local_addr()?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let mut cached: Option<(usize, Vec<u8>, Vec<usize>)> = None;
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
        let (page, total) = (numbers.next().unwrap_or(200), numbers.next().unwrap_or(0));
        let skip: usize =
            query.split('&').find_map(|o| o.strip_prefix("$skip=")).and_then(|n| n.parse().ok()).unwrap_or(0);

        if skip >= total {
            let body = "{\"value\":[]}";
            write!(
                writer,
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )?;
            continue;
        }
        // The page is rendered once; only the numbers are written anew.
        let (_, body, places) = match &mut cached {
            Some(page_of) if page_of.0 == page => page_of,
            _ => cached.insert(render(page, alerts)),
        };
        for (n, place) in places.iter().enumerate() {
            body[*place..*place + 18].copy_from_slice(format!("{:018}", skip + n).as_bytes());
        }
        let next = skip + page;
        let end = if next < total {
            format!("],\"@odata.nextLink\":\"http://{host}{path}?$skip={next}\"}}")
        } else {
            "]}".to_owned()
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len() + end.len()
        );
        writer.write_all(head.as_bytes())?;
        writer.write_all(body)?;
        writer.write_all(end.as_bytes())?;
    }
}

/// A page without its end, and where the numbers stand in it.
fn render(page: usize, alerts: &[String]) -> (usize, Vec<u8>, Vec<usize>) {
    let mut body = String::from(
        "{\"@odata.context\":\"https://api.securitycenter.microsoft.com/api/$metadata#Alerts\",\"value\":[",
    );
    let mut places = Vec::with_capacity(page);
    for n in 0..page {
        if n > 0 {
            body.push(',');
        }
        let alert = &alerts[n % alerts.len()];
        places.push(body.len() + alert.find(NUMBER).unwrap() + 2);
        body.push_str(alert);
    }
    (page, body.into_bytes(), places)
}

/// Reads a child's whole output.
pub fn output(mut child: Child) -> String {
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success());
    text
}
