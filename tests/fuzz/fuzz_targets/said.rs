//! What targets say of a body, as its sender would by the fields of a head.

/// What is said of a body, by its first octet.
pub(crate) const SAID: [(Option<&str>, Option<&str>); 12] = [
    (None, None),
    (None, Some("gzip")),
    (None, Some("deflate")),
    (None, Some("br")),
    (None, Some("zstd")),
    (None, Some("br, gzip")),
    (Some("multipart/form-data; boundary=XyZ"), None),
    (Some("application/grpc"), None),
    (Some("application/x-protobuf"), None),
    (Some("application/x-www-form-urlencoded"), None),
    (Some("text/plain; charset=iso-2022-jp"), None),
    (Some("message/rfc822"), None),
];
