//! The mobile client: what the vendor's SDKs for Android and iOS do around an app's requests.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;
use url::{Url, form_urlencoded};

use crate::{
    site::{AnyError, TENANT, bearer},
    transcript::{Transcript, shortened},
};

/// What clients look for in a challenge, quotes included.
const CHALLENGE: &str = "\"imfauthentication\"";
const REDIRECT: &str = "http://localhost";
const ME: &str = "client";
const BACK_END: &str = "back end";
const SERVICE: &str = "authorization service";

/// How often a login may be asked further: a service that never ends is left.
const MAX_STEPS: usize = 10;

/// The app's part of a login: it knows the user.
pub(crate) trait AuthenticationDelegate: Send + 'static {
    /// The answer to a challenge; `None` ends the login.
    fn answer(&mut self, challenge: &Map<String, Value>) -> Option<Map<String, Value>>;
}

pub(crate) struct MobileClient {
    http: reqwest::Client,
    /// `{server URL}/authorization/v1/apps/{tenant}`.
    service: String,
    transcript: Transcript,
    /// Locked during a login, so that of many requests that meet a 401 one logs in.
    session: Mutex<Session>,
}

#[derive(Default)]
struct Session {
    delegate: Option<(String, Box<dyn AuthenticationDelegate>)>,
    client_id: Option<String>,
    /// `Bearer <access token> <ID token>`.
    authorization: Option<HeaderValue>,
}

/// What became of a login.
enum Login {
    Code(String),
    Failed,
}

impl MobileClient {
    pub(crate) fn new(server_url: &str, transcript: &Transcript) -> Result<Self, AnyError> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(10))
            .build()?;
        Ok(Self {
            http,
            service: format!("{server_url}/authorization/v1/apps/{TENANT}"),
            transcript: transcript.clone(),
            session: Mutex::default(),
        })
    }

    /// Registers who answers the challenges of a realm.
    pub(crate) async fn on_challenge(&self, realm: &str, delegate: impl AuthenticationDelegate) {
        self.session.lock().await.delegate = Some((realm.to_owned(), Box::new(delegate)));
    }

    /// Makes an app's request: with the tokens that there are, and once more after a login where the
    /// back end wants one.
    pub(crate) async fn get(&self, url: &str) -> Result<(StatusCode, Value), AnyError> {
        let used = self.session.lock().await.authorization.clone();
        let (status, headers, body) = self.send(url, used.as_ref()).await?;
        let Some(scope) = wanted_scope(status, &headers) else {
            return Ok((status, body));
        };
        let mut session = self.session.lock().await;
        // Somebody else may have logged in meanwhile.
        if session.authorization == used {
            session.authorization = self.log_in(&mut session, scope.as_deref()).await?;
        }
        let Some(tokens) = session.authorization.clone() else {
            return Ok((status, body));
        };
        drop(session);
        let (status, _, body) = self.send(url, Some(&tokens)).await?;
        Ok((status, body))
    }

    async fn send(
        &self,
        url: &str,
        authorization: Option<&HeaderValue>,
    ) -> Result<(StatusCode, HeaderMap, Value), AnyError> {
        let path = Url::parse(url)?.path().to_owned();
        let mut request = self.http.get(url);
        let mut with = String::new();
        if let Some(value) = authorization {
            let tokens: Vec<_> = value.to_str()?.split(' ').skip(1).map(shortened).collect();
            with = format!(", Bearer {}", tokens.join(" "));
            request = request.header(header::AUTHORIZATION, value);
        }
        self.transcript.say(ME, BACK_END, format!("GET {path}{with}"));
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let challenge = headers.get(header::WWW_AUTHENTICATE).map(|value| value.to_str()).transpose()?;
        let challenge = challenge.map_or(String::new(), |challenge| format!(", {challenge}"));
        self.transcript.say(BACK_END, ME, format!("{}{challenge}", status.as_u16()));
        let body = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
        Ok((status, headers, body))
    }

    async fn log_in(
        &self,
        session: &mut Session,
        scope: Option<&str>,
    ) -> Result<Option<HeaderValue>, AnyError> {
        let client_id = match &session.client_id {
            Some(id) => id.clone(),
            None => session.client_id.insert(self.register().await?).clone(),
        };
        let Some((realm, delegate)) = &mut session.delegate else {
            return Ok(None);
        };
        match self.authorize(&client_id, scope, realm, &mut **delegate).await? {
            Login::Code(code) => Ok(Some(self.redeem(&client_id, &code).await?)),
            Login::Failed => Ok(None),
        }
    }

    async fn register(&self) -> Result<String, AnyError> {
        let app = json!({
            "application": {"id": "org.example.bank", "version": "1.0"},
            "device": {"id": "d-1", "platform": std::env::consts::OS, "model": "loopback", "osVersion": "1"},
        });
        self.transcript.say(ME, SERVICE, "POST /clients/instance");
        let request = self.http.post(format!("{}/clients/instance", self.service));
        let response =
            request.header(header::CONTENT_TYPE, "application/json").body(app.to_string()).send().await?;
        let said: Value = serde_json::from_slice(&response.error_for_status()?.bytes().await?)?;
        let id = said["clientId"].as_str().ok_or("no clientId")?.to_owned();
        self.transcript.say(SERVICE, ME, format!("200, clientId {}", shortened(&id)));
        Ok(id)
    }

    /// Answers challenges until the service redirects.
    async fn authorize(
        &self,
        client_id: &str,
        scope: Option<&str>,
        realm: &str,
        delegate: &mut dyn AuthenticationDelegate,
    ) -> Result<Login, AnyError> {
        let mut url = Url::parse(&format!("{}/authorization", self.service))?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", client_id)
            .append_pair("redirect_uri", REDIRECT)
            .extend_pairs(scope.map(|scope| ("scope", scope)));
        let mut answer: Option<(HeaderValue, HeaderValue)> = None;
        for _ in 0..MAX_STEPS {
            let mut request = self.http.get(url.clone());
            let with = if answer.is_some() { ", with the answer" } else { "" };
            if let Some((authorization, session)) = answer.take() {
                request =
                    request.header(header::AUTHORIZATION, authorization).header("x-wl-session", session);
            }
            let wanted = scope.map_or(String::new(), |scope| format!("?scope={scope}"));
            self.transcript.say(ME, SERVICE, format!("GET /authorization{wanted}{with}"));
            let response = request.send().await?;
            if response.status() == StatusCode::FOUND {
                return self.redirected(response.headers());
            }
            if response.status() != StatusCode::UNAUTHORIZED {
                return Err(format!("the authorization service answered {}", response.status()).into());
            }
            let session = response.headers().get("x-wl-session").cloned().ok_or("no session")?;
            let challenge =
                read_challenge(&response.bytes().await?, realm).ok_or("no challenge of the realm")?;
            let shown = Value::Object(challenge.clone());
            self.transcript.say(SERVICE, ME, format!("401, WL-Composite-Challenge, {realm}: {shown}"));
            let Some(said) = delegate.answer(&challenge) else {
                return Ok(Login::Failed);
            };
            answer = Some((bearer(&json!({(realm): said}).to_string())?, session));
        }
        Ok(Login::Failed)
    }

    fn redirected(&self, headers: &HeaderMap) -> Result<Login, AnyError> {
        let location = headers.get(header::LOCATION).ok_or("a redirect to nowhere")?.to_str()?;
        let target = Url::parse(location)?;
        let said = |name: &str| {
            target.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        if let Some(code) = said("code") {
            self.transcript.say(SERVICE, ME, format!("302, code {}", shortened(&code)));
            return Ok(Login::Code(code));
        }
        let result = said("wl_result").unwrap_or_default();
        self.transcript.say(SERVICE, ME, format!("302, wl_result {result}"));
        Ok(Login::Failed)
    }

    /// Both tokens for a code, as they are sent from now on.
    async fn redeem(&self, client_id: &str, code: &str) -> Result<HeaderValue, AnyError> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("client_id", client_id)
            .append_pair("redirect_uri", REDIRECT)
            .finish();
        self.transcript.say(ME, SERVICE, format!("POST /token, code {}", shortened(code)));
        let request = self.http.post(format!("{}/token", self.service));
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let response = request.body(form).send().await?.error_for_status()?;
        let tokens: Value = serde_json::from_slice(&response.bytes().await?)?;
        match (tokens["access_token"].as_str(), tokens["id_token"].as_str()) {
            (Some(access), Some(id)) => bearer(&format!("{access} {id}")),
            _ => Err("a token is missing".into()),
        }
    }
}

/// Whether an answer asks for a login of this kind; the scope if the challenge names one.
fn wanted_scope(status: StatusCode, headers: &HeaderMap) -> Option<Option<String>> {
    if status != StatusCode::UNAUTHORIZED && status != StatusCode::FORBIDDEN {
        return None;
    }
    let challenge = headers.get(header::WWW_AUTHENTICATE)?.to_str().ok()?;
    let lower = challenge.to_ascii_lowercase();
    if !lower.starts_with("bearer") || !lower.contains(CHALLENGE) {
        return None;
    }
    let (_, rest) = challenge.split_once("scope=\"").unwrap_or_default();
    Some(rest.split_once('"').map(|(scope, _)| scope.to_owned()))
}

/// The challenge of a realm, out of `/*-secure-\n{"challenges":{…}}*/`.
fn read_challenge(body: &[u8], realm: &str) -> Option<Map<String, Value>> {
    let envelope = body.strip_prefix(b"/*-secure-\n")?.strip_suffix(b"*/")?;
    let mut said: Value = serde_json::from_slice(envelope).ok()?;
    match said.get_mut("challenges")?.get_mut(realm)?.take() {
        Value::Object(challenge) => Some(challenge),
        _ => None,
    }
}
