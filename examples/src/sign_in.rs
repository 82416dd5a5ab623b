//! Signing users in: on this machine's browser or on another device, kept for the next run where the platform can.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use pocketsoc_model::{Error, ErrorKind};
use pocketsoc_transport::{Connection, KeyringStore, MemoryStore, Secret, Service, Session, SessionStore};

use crate::failure::note;
use crate::profile::{App, Way};

/// The users of this run: whoever signs in to an application does so once, for all profiles of it.
#[derive(Default)]
pub(crate) struct Users(HashMap<(Option<String>, String, String), Session>);

impl Users {
    /// The session with an application; kept in the platform's secure storage if it is to last and there is one.
    pub(crate) fn session(&mut self, authority: Option<&str>, app: &App, lasting: bool) -> Session {
        let App { tenant_id, client_id } = app.clone();
        let key = (authority.map(str::to_owned), tenant_id.clone(), client_id.clone());
        let new = || Session::new(tenant_id.clone(), client_id.clone(), store(app, lasting));
        self.0.entry(key).or_insert_with(new).clone()
    }
}

fn store(app: &App, lasting: bool) -> Arc<dyn SessionStore> {
    if !lasting {
        return Arc::new(MemoryStore::default());
    }
    let user = format!("{} in {}", app.client_id, app.tenant_id);
    Arc::new(Kept { keyring: KeyringStore::new("pocketsoc", user), memory: Mutex::default() })
}

/// The platform's secure storage, or this run's memory once that has failed.
struct Kept {
    keyring: KeyringStore,
    memory: Mutex<Option<Arc<MemoryStore>>>,
}

impl Kept {
    fn memory(&self) -> Option<Arc<MemoryStore>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn fall_back(&self, error: &Error) -> Arc<MemoryStore> {
        note(&format!("the session is kept for this run only: {error}"));
        let memory = Arc::new(MemoryStore::default());
        *self.memory.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&memory));
        memory
    }
}

#[async_trait]
impl SessionStore for Kept {
    async fn load(&self) -> Result<Option<Secret>, Error> {
        if let Some(memory) = self.memory() {
            return memory.load().await;
        }
        match self.keyring.load().await {
            Err(error) => self.fall_back(&error).load().await,
            loaded => loaded,
        }
    }

    async fn save(&self, session: &Secret) -> Result<(), Error> {
        if let Some(memory) = self.memory() {
            return memory.save(session).await;
        }
        match self.keyring.save(session).await {
            Err(error) => self.fall_back(&error).save(session).await,
            saved => saved,
        }
    }

    async fn clear(&self) -> Result<(), Error> {
        match self.memory() {
            Some(memory) => memory.clear().await,
            None => self.keyring.clear().await,
        }
    }
}

/// Signs the user of a profile in, unless its session still serves.
pub(crate) async fn sign_in(
    profile: &str,
    connection: &Connection,
    service: Service,
    way: Way,
) -> Result<(), Error> {
    let sign_in = connection.sign_in()?;
    if !sign_in.is_needed(service).await? {
        return Ok(());
    }
    let account = match way {
        Way::DeviceCode => {
            let code = sign_in.device_code(service).await?;
            note(&format!(
                "profile \"{profile}\": open {} and enter the code {}",
                code.verification_uri(),
                code.user_code()
            ));
            code.finish().await?
        }
        Way::Browser => {
            note(&format!("profile \"{profile}\": sign in with the browser"));
            match sign_in.with_browser(service).await {
                Err(error) if error.kind() == ErrorKind::Unavailable => {
                    return Err(error.with_hint("set auth = \"device-code\" where there is no browser"));
                }
                outcome => outcome?,
            }
        }
    };
    let name = account.user_name.or(account.display_name).unwrap_or_else(|| "a user".into());
    note(&format!("profile \"{profile}\": signed in as {name}"));
    Ok(())
}
