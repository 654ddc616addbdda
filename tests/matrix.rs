use crate::support::TestServer;
#[tokio::test]
async fn dbg() {
    let server = TestServer::start().await;
    let text = format!("{:?}", latchkey::server::router::router(server.state.clone()));
    std::fs::write("/tmp/router.txt", text).unwrap();
}
