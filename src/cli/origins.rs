//! Small origins for the demo: real HTTP servers that say what reached them.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Starts one origin; it ends with the runtime.
pub(super) async fn start(address: SocketAddr) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let served =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(echo));
            tokio::spawn(served);
        }
    });
    Ok(bound)
}

/// Says what came in.
async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let line = format!("{} {}", request.method(), request.uri());
    let declared = request.headers().contains_key("x-data-class");
    let bytes = request.into_body().collect().await.map_or(0, |body| body.to_bytes().len());
    let class = if declared { "with" } else { "without" };
    let text = format!("received {line}, {bytes} bytes, {class} X-Data-Class\n");
    Ok(Response::new(Full::new(Bytes::from(text))))
}
