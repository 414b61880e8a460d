//! Over a Unix socket.

use tower_vgi_layers::serve::serve;

use crate::calculator::CalculatorClient;
use crate::ways::stack;

#[tokio::test]
async fn a_server_on_a_unix_socket_is_called() {
    let folder = std::env::temp_dir().join(format!("tower-vgi-client-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("socket");
    let server = serve(stack()).unix(&path).signals(false).print_port(false).bind().await.unwrap();
    tokio::spawn(server.run());
    for url in [format!("unix:{}", path.display()), format!("unix://{}", path.display())] {
        let client = CalculatorClient::connect(&url).await.unwrap();
        assert_eq!(client.add(1.0, 2.0).await.unwrap(), 3.0);
        assert_eq!(client.countdown(10).await.unwrap().collect().await.unwrap().len(), 10);
    }
    let _ = std::fs::remove_dir_all(folder);
}
