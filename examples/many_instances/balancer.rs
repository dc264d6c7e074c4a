//! A load balancer: the next connection goes to the next instance.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

pub(crate) fn start(listener: TcpListener, instances: Vec<SocketAddr>) {
    tokio::spawn(async move {
        for instance in instances.into_iter().cycle() {
            let Ok((mut client, _)) = listener.accept().await else { continue };
            tokio::spawn(async move {
                let mut server = TcpStream::connect(instance).await?;
                copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
}
