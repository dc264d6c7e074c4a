//! The explanation of a token: the same sequence as verification, with an observer that records it.

use std::cell::RefCell;

use super::{IdTokenExpectations, Inner, ResourceServer, Step, admit::Presented};
use crate::{
    explain::{Explanation, Report, Taken},
    http::{Credentials, Reason, RequestHead, TokenKind},
    policy::Compiled,
    time::{Now, UnixTime},
    verify::{Failure, Needed, TokenContents},
};

impl ResourceServer {
    /// Explains what [`verify_access_token`](Self::verify_access_token) would say: every check with its verdict, what
    /// the token says where that [may be shown](crate::explain), and what would fix it. It waits when verification does.
    ///
    /// ```
    /// # use tower_resource_server::{TrustedIssuer, keys::{KeySet, VerifyingKey}, profile::TokenProfile};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tower_resource_server::{ResourceServer, explain::Stage};
    ///
    /// # let keys = KeySet::from_keys([VerifyingKey::from_ed25519_bytes(&[7; 32])?]);
    /// # let issuer = TrustedIssuer::with_keys("https://login.example", keys, TokenProfile::rfc9068());
    /// let api = ResourceServer::builder("https://api.example").issuer(issuer).build()?;
    /// let explanation = api.explain("not.a-token").await;
    /// assert!(!explanation.is_valid());
    /// let why = explanation.failed().next().map(|finding| (finding.stage, &*finding.rule));
    /// assert_eq!(why, Some((Stage::Form, "it has three parts with dots between them")));
    /// println!("{explanation}");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn explain(&self, token: &str) -> Explanation {
        self.explain_credentials(Taken::Access, Credentials::access(token.as_bytes()), &self.0.required, None)
            .await
    }

    /// Explains what [`verify_access_token_of`](Self::verify_access_token_of) would say.
    pub async fn explain_of(&self, issuer: &str, token: &str) -> Explanation {
        let credentials =
            Credentials { selector: Some(issuer.as_bytes()), ..Credentials::access(token.as_bytes()) };
        self.explain_credentials(Taken::Access, credentials, &self.0.required, None).await
    }

    /// Explains a request with both tokens, where the server [takes](super::ResourceServerBuilder::id_token) ID tokens.
    pub async fn explain_pair(&self, access_token: &str, id_token: &str) -> Explanation {
        let credentials =
            Credentials { id: Some(id_token.as_bytes()), ..Credentials::access(access_token.as_bytes()) };
        self.explain_credentials(Taken::Pair, credentials, &self.0.required, None).await
    }

    /// Explains what [`verify_id_token`](Self::verify_id_token) would say.
    pub async fn explain_id_token(&self, token: &str, expectations: IdTokenExpectations<'_>) -> Explanation {
        let expected = expectations.expected();
        self.observe(Taken::Id, &Compiled::any_token(), None, |now, report| {
            Ok([None, self.0.verify_lone_id_token(token.as_bytes(), now, expected, report)?.flatten()])
        })
        .await
    }

    /// Explains the credentials of a request, or such without one.
    pub(super) async fn explain_credentials(
        &self,
        taken: Taken,
        credentials: Credentials<'_>,
        required: &Compiled,
        head: Option<RequestHead<'_>>,
    ) -> Explanation {
        if let Some(explanation) = self.explain_opaque(credentials, required).await {
            return explanation;
        }
        self.observe(taken, required, head, |now, report| {
            let (access, id) = self.0.verify_tokens(credentials, now, report)?;
            let id = match id {
                None if taken == Taken::Pair => self.0.no_id_token(report)?.flatten(),
                id => id.and_then(|id| *id),
            };
            Ok([access, id])
        })
        .await
    }

    /// Runs a verification until its issuers' keys can say nothing new, looks whether its tokens would be
    /// admitted, and reports the last run. Nothing is spent.
    async fn observe<'a>(
        &'a self,
        taken: Taken,
        required: &'a Compiled,
        head: Option<RequestHead<'_>>,
        verify: impl Fn(&Now<'_>, &mut Report<'a>) -> Result<[Option<TokenContents>; 2], (TokenKind, Failure)>,
    ) -> Explanation {
        let (requirement, implications) = (required.requirement(), &self.0.implications);
        let new = |now| (Report::new(taken, Needed { requirement, implications, now }, &self.0.limits), now);
        let last = RefCell::new(new(UnixTime::default()));
        let attempt = |now: &Now<'_>| {
            let (mut report, _) = new(now.unix());
            let [access, id] = verify(now, &mut report)?;
            let tokens = Presented { head, ..Presented::unverified(access.as_ref(), id.as_ref()) };
            self.0.admit(tokens, required, now, Inner::peek, &mut report)?;
            let result = report.result();
            last.replace((report, now.unix()));
            result
        };
        let mut step = self.run(self.0.now(), None, 0, attempt);
        let result = loop {
            match step {
                Step::Done(result) => break result,
                Step::Wait(pending) => step = self.run_on(pending.await, attempt),
                Step::AskVerifier => break Err(Reason::VerifierUnavailable.into()),
            }
        };
        let (report, moment) = last.into_inner();
        report.explain(result.err().map(|denial| denial.reason), moment)
    }
}
