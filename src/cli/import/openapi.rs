//! OpenAPI 3 and Swagger 2: the bodies and parameters of requests.

use serde_json::Value;
use url::Url;

use crate::data::{Pointer, Tag};
use crate::net::HostPattern;

use super::super::output::Usage;
use super::Rows;
use super::document::Document;
use super::schema::{Walk, tags};

const METHODS: [&str; 9] =
    ["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"];

/// Where an interface is served: hosts and the beginnings of paths.
type Servers = Vec<(String, String)>;

/// The rows of a description; `hosts` take the place of those that it names.
pub(super) fn rows(document: &Document, hosts: &[String]) -> anyhow::Result<Rows> {
    for host in hosts {
        HostPattern::parse(host).map_err(|error| Usage(format!("--host: {error}")))?;
    }
    let mut rows = Rows::default();
    let root = document.root();
    let servers = servers_of(root, hosts).unwrap_or_default();
    for (path, item) in object(root, "paths") {
        let Some((item, _)) = document.resolved(item) else { continue };
        let servers = servers_of(item, hosts).unwrap_or_else(|| servers.clone());
        for method in METHODS {
            let Some(operation) = item.get(method) else { continue };
            let servers = servers_of(operation, hosts).unwrap_or_else(|| servers.clone());
            let mut request = Request { document, servers: &servers, path, rows: &mut rows };
            let parameters = [item, operation].into_iter().flat_map(|of| array(of, "parameters"));
            parameters.for_each(|one| request.parameter(one));
            if let Some(body) = operation.get("requestBody") {
                request.body(body);
            }
        }
    }
    if rows.rows.is_empty() && servers.is_empty() && hosts.is_empty() {
        let why = "the description names no host in `servers`; name it with --host";
        return Err(Usage(why.to_owned()).into());
    }
    Ok(rows)
}

fn object<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = (&'v String, &'v Value)> {
    value.get(key).and_then(Value::as_object).into_iter().flatten()
}

fn array<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// The servers that a part of the description names, by `servers` or as Swagger 2 does.
fn servers_of(part: &Value, hosts: &[String]) -> Option<Servers> {
    let text = |key: &str| part.get(key).and_then(Value::as_str);
    let named: Servers = match text("host").or_else(|| text("basePath")) {
        Some(_) => {
            let host = text("host").unwrap_or_default();
            let host = host.split(':').next().unwrap_or_default().to_owned();
            vec![(host, text("basePath").unwrap_or_default().to_owned())]
        }
        None if part.get("servers").is_some() => array(part, "servers").map(server).collect(),
        None => return (part.get("paths").is_some()).then(|| with(hosts, "")),
    };
    if hosts.is_empty() {
        return Some(named.into_iter().filter(|(host, _)| !host.is_empty()).collect());
    }
    let mut bases: Vec<_> = named.into_iter().map(|(_, base)| base).collect();
    bases.dedup();
    Some(bases.iter().flat_map(|base| with(hosts, base)).collect())
}

fn with(hosts: &[String], base: &str) -> Servers {
    hosts.iter().map(|host| (host.clone(), base.to_owned())).collect()
}

/// A URL with variables, which have the values that they have by default.
fn server(server: &Value) -> (String, String) {
    let mut url = server.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
    for (name, variable) in object(server, "variables") {
        if let Some(value) = variable.get("default").and_then(Value::as_str) {
            url = url.replace(&format!("{{{name}}}"), value);
        }
    }
    match Url::parse(&url) {
        Ok(url) => (url.host_str().unwrap_or_default().to_owned(), url.path().to_owned()),
        // Relative to where the description is served.
        Err(_) => (String::new(), url),
    }
}

/// One operation.
struct Request<'r, 'd> {
    document: &'d Document,
    servers: &'r Servers,
    path: &'r str,
    rows: &'r mut Rows,
}

impl<'d> Request<'_, 'd> {
    fn parameter(&mut self, parameter: &'d Value) {
        let Some((parameter, _)) = self.document.resolved(parameter) else { return };
        let text = |key: &str| parameter.get(key).and_then(Value::as_str).unwrap_or_default();
        let (name, place) = (text("name"), text("in"));
        let at = Pointer::default();
        if place == "body" {
            self.schema(parameter.get("schema"), &at);
            return;
        }
        let at = at.below(name);
        if matches!(place, "query" | "querystring" | "formData") {
            self.add(&at, tags(parameter));
            self.schema(parameter.get("schema"), &at);
        } else if !tags(parameter).is_empty()
            || parameter.get("schema").is_some_and(|schema| !tags(schema).is_empty())
        {
            let why = format!(
                "{place} parameter `{name}` of `{}`: fields are not looked for there",
                self.path
            );
            self.rows.left_out.insert(why);
        }
    }

    fn body(&mut self, body: &'d Value) {
        let Some((body, _)) = self.document.resolved(body) else { return };
        for (kind, media) in object(body, "content") {
            let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            let read = kind == "application/x-www-form-urlencoded"
                || kind == "*/*"
                || kind.contains("json");
            if read {
                self.schema(media.get("schema"), &Pointer::default());
            } else {
                let mut walk = Walk::new(self.document);
                media.get("schema").into_iter().for_each(|schema| {
                    walk.schema(schema, &Pointer::default(), 0);
                });
                if !walk.found.is_empty() {
                    self.rows.left_out.insert(format!("`{}` as {kind}", self.path));
                }
            }
        }
    }

    fn schema(&mut self, schema: Option<&'d Value>, at: &Pointer) {
        let Some(schema) = schema else { return };
        let mut walk = Walk::new(self.document);
        walk.schema(schema, at, 0);
        if walk.cut {
            let why = "some of it is in other files, or too deep";
            self.rows.left_out.insert(format!("`{}`: {why}", self.path));
        }
        for (at, tag) in walk.found {
            self.add(&at, vec![tag]);
        }
    }

    fn add(&mut self, at: &Pointer, tags: Vec<Tag>) {
        tags.iter().for_each(|tag| self.rows.add(self.servers, self.path, at, tag));
    }
}
