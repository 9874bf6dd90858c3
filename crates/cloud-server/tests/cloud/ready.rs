//! A disk that goes away under the server, and comes back.

use crate::support::{Server, http};
use crate::wait;

#[tokio::test]
async fn ready_only_with_database_and_storage() {
    let server = Server::start().await;
    let url = format!("{}/readyz", server.url());
    assert_eq!(status(&url).await.0, 200);
    server.backend.hide_storage();
    let (code, text) = status(&url).await;
    assert_eq!((code, text.as_str()), (503, "not ready: the storage can't be reached\n"));
    assert_eq!(status(&format!("{}/healthz", server.url())).await.0, 200, "it runs all the same");
    server.backend.show_storage();
    wait::until_true("it to be ready again", async || status(&url).await.0 == 200).await;
}

async fn status(url: &str) -> (u16, String) {
    let response = http().get(url).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}
