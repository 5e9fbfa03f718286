//! The crate `oauth2`, as a Rust application uses it: it reads every answer by its own types.

use crate::support::{ISSUER, Service, Tokens, service};
use oauth2::basic::{BasicClient, BasicErrorResponseType, BasicTokenResponse};
use oauth2::{
    AccessToken, ClientId, ClientSecret, HttpRequest, HttpResponse, IntrospectionUrl, RefreshToken, RequestTokenError,
    RevocationUrl, Scope, StandardRevocableToken, TokenIntrospectionResponse as _, TokenResponse as _, TokenUrl,
};
use std::convert::Infallible;

/// The URLs of the metadata. The crate revokes by HTTPS only; what carries the requests here does not look at that.
fn url(path: &str) -> String {
    format!("{}{path}", ISSUER.replace("http:", "https:"))
}

type Client = oauth2::basic::BasicClient<
    oauth2::EndpointNotSet,
    oauth2::EndpointNotSet,
    oauth2::EndpointSet,
    oauth2::EndpointSet,
    oauth2::EndpointSet,
>;

fn client(id: &str, secret: Option<&str>) -> Client {
    let client = BasicClient::new(ClientId::new(id.to_owned()))
        .set_token_uri(TokenUrl::new(url("/oauth2/token")).unwrap())
        .set_introspection_url(IntrospectionUrl::new(url("/oauth2/introspect")).unwrap())
        .set_revocation_url(RevocationUrl::new(url("/oauth2/revoke")).unwrap());
    match secret {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret.to_owned())),
        None => client,
    }
}

impl Service {
    async fn carry(&self, request: HttpRequest) -> Result<HttpResponse, Infallible> {
        let (parts, body) = request.into_parts();
        let mut sent = self.request(parts.method.as_str(), parts.uri.path());
        for (name, value) in &parts.headers {
            sent = sent.header(name.as_str(), value.to_str().unwrap());
        }
        let answer = sent.body("", &body).send().await;
        let mut response = HttpResponse::new(answer.body.to_vec());
        (*response.status_mut(), *response.headers_mut()) = (answer.status.try_into().unwrap(), answer.headers);
        Ok(response)
    }

    async fn is_active(&self, inquirer: &Client, token: &str) -> bool {
        let token = AccessToken::new(token.to_owned());
        let told = inquirer.introspect(&token).request_async(&|request| self.carry(request)).await.unwrap();
        assert_eq!(told.client_id().is_some(), told.active());
        told.active()
    }
}

#[tokio::test]
async fn a_user_and_a_client_of_it_get_along_with_every_answer() {
    let service = service().await;
    let carry = |request| service.carry(request);
    let Tokens { refresh, .. } = service.newcomer("ann").await;
    let gateway = service.inquirer().await;
    let inquirer = client(&gateway.id, Some(&gateway.key));

    let granted = inquirer.exchange_client_credentials().add_scope(Scope::new("introspect:tokens".to_owned()));
    let granted = granted.request_async(&carry).await.unwrap();
    assert!(granted.refresh_token().is_none() && granted.expires_in().unwrap().as_secs() == 900);
    assert!(service.is_active(&inquirer, granted.access_token().secret()).await);

    let browser = client("doorward", None);
    let spent = RefreshToken::new(refresh);
    let tokens: BasicTokenResponse = browser.exchange_refresh_token(&spent).request_async(&carry).await.unwrap();
    let (access, next) = (tokens.access_token().secret(), tokens.refresh_token().unwrap());
    assert_ne!(next.secret(), spent.secret());
    assert!(service.is_active(&inquirer, access).await);

    let revocable = StandardRevocableToken::RefreshToken(next.clone());
    browser.revoke_token(revocable).unwrap().request_async(&carry).await.unwrap();
    assert!(!service.is_active(&inquirer, access).await);
    let refused = browser.exchange_refresh_token(next).request_async(&carry).await.unwrap_err();
    assert!(
        matches!(&refused, RequestTokenError::ServerResponse(said) if *said.error() == BasicErrorResponseType::InvalidGrant),
        "{refused:?}"
    );

    let wrong = client(&gateway.id, Some("wrong"));
    let refused = wrong.exchange_client_credentials().request_async(&carry).await.unwrap_err();
    assert!(
        matches!(&refused, RequestTokenError::ServerResponse(said) if *said.error() == BasicErrorResponseType::InvalidClient),
        "{refused:?}"
    );
}
